import { asJson } from '../../schema/json.ts';
import type { Json } from '../../schema/json.ts';
import { nonNegative } from '../formats.ts';
import { checkFormat } from '../problems.ts';
import type { Problems } from '../problems.ts';
import { checkLabelSelector } from '../selector.ts';

/** The largest priority that users may give; more is for system classes. */
const USER_PRIORITY_MAX = 1_000_000_000;

/** Rules of a PodDisruptionBudget. */
export function checkDisruptionBudget(budget: Json, problems: Problems): void {
  const spec = asJson(budget['spec']);
  if (spec['minAvailable'] !== undefined && spec['maxUnavailable'] !== undefined) {
    problems.invalid('spec', spec, 'minAvailable and maxUnavailable cannot be both set');
  }
  for (const field of ['minAvailable', 'maxUnavailable']) {
    const value = spec[field];
    if (typeof value === 'number')
      checkFormat(`spec.${field}`, value, { messages: nonNegative(value), problems });
    else if (typeof value === 'string' && !/^\d+%$/.test(value)) {
      problems.invalid(
        `spec.${field}`,
        value,
        "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%', or '93%', regex used for validation is '[0-9]+%')",
      );
    } else if (typeof value === 'string' && Number.parseInt(value, 10) > 100)
      problems.invalid(`spec.${field}`, value, 'must not be greater than 100%');
  }
  checkLabelSelector(spec['selector'], 'spec.selector', problems);
}

/** Rules of a PriorityClass. */
export function checkPriorityClass(priorityClass: Json, problems: Problems): void {
  const name = String(asJson(priorityClass['metadata'])['name'] ?? '');
  const value = priorityClass['value'];
  if (name.startsWith('system-')) {
    if (name !== 'system-cluster-critical' && name !== 'system-node-critical') {
      problems.forbidden(
        'metadata.name',
        "priority class names with 'system-' prefix are reserved for system use only. error: " +
          `${name} is not a known system priority class`,
      );
    }
  } else if (typeof value === 'number' && value > USER_PRIORITY_MAX) {
    problems.forbidden('value', `maximum allowed value of a user defined priority is ${USER_PRIORITY_MAX}`);
  }
  const policy = priorityClass['preemptionPolicy'];
  if (policy !== 'PreemptLowerPriority' && policy !== 'Never') {
    problems.notSupported('preemptionPolicy', policy ?? '', ['PreemptLowerPriority', 'Never']);
  }
}

/** The value of a PriorityClass has gone into pods, so it never changes. */
export function checkPriorityClassUpdate(priorityClass: Json, old: Json, problems: Problems): void {
  for (const field of ['value', 'preemptionPolicy']) {
    if (priorityClass[field] !== old[field]) problems.forbidden(field, 'may not be changed in an update.');
  }
}
