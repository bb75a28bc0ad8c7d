import { asJson, isJson, items, strings, text } from '../../schema/json.ts';
import type { Json } from '../../schema/json.ts';
import { qualifiedName } from '../formats.ts';
import { checkFormat } from '../problems.ts';
import type { Problems } from '../problems.ts';
import { checkLabelSelector } from '../selector.ts';

const UNSATISFIABLE = ['DoNotSchedule', 'ScheduleAnyway'];
const NODE_OPERATORS = ['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'];

/** Rules of where a pod may run: spread constraints and affinities. */
export function checkScheduling(spec: Json, path: string, problems: Problems): void {
  items(spec['topologySpreadConstraints']).forEach((constraint, index) => {
    checkSpread(constraint, `${path}.topologySpreadConstraints[${index}]`, problems);
  });
  const affinity = asJson(spec['affinity']);
  checkNodeAffinity(asJson(affinity['nodeAffinity']), `${path}.affinity.nodeAffinity`, problems);
  for (const kind of ['podAffinity', 'podAntiAffinity'])
    checkPodAffinity(asJson(affinity[kind]), `${path}.affinity.${kind}`, problems);
}

function checkSpread(constraint: Json, path: string, problems: Problems): void {
  const skew = constraint['maxSkew'] ?? 0;
  if (typeof skew === 'number' && skew <= 0)
    problems.invalid(`${path}.maxSkew`, skew, 'must be greater than zero');
  const key = text(constraint['topologyKey']);
  if (key === '') problems.required(`${path}.topologyKey`, 'can not be empty');
  else checkFormat(`${path}.topologyKey`, key, { messages: qualifiedName(key), problems });
  const action = text(constraint['whenUnsatisfiable']);
  if (!UNSATISFIABLE.includes(action))
    problems.notSupported(`${path}.whenUnsatisfiable`, action, UNSATISFIABLE);
  checkLabelSelector(constraint['labelSelector'], `${path}.labelSelector`, problems);
}

function checkNodeAffinity(affinity: Json, path: string, problems: Problems): void {
  const required = affinity['requiredDuringSchedulingIgnoredDuringExecution'];
  if (isJson(required)) {
    const at = `${path}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms`;
    const terms = items(required['nodeSelectorTerms']);
    if (terms.length === 0) problems.required(at, 'must have at least one node selector term');
    terms.forEach((term, index) => checkNodeTerm(term, `${at}[${index}]`, problems));
  }
  items(affinity['preferredDuringSchedulingIgnoredDuringExecution']).forEach((preference, index) => {
    const at = `${path}.preferredDuringSchedulingIgnoredDuringExecution[${index}]`;
    checkWeight(preference['weight'], `${at}.weight`, problems);
    checkNodeTerm(asJson(preference['preference']), `${at}.preference`, problems);
  });
}

function checkNodeTerm(term: Json, path: string, problems: Problems): void {
  items(term['matchExpressions']).forEach((expression, index) => {
    const at = `${path}.matchExpressions[${index}]`;
    const operator = text(expression['operator']);
    const values = strings(expression['values']);
    if (!NODE_OPERATORS.includes(operator))
      problems.invalid(`${at}.operator`, operator, 'not a valid selector operator');
    if ((operator === 'In' || operator === 'NotIn') && values.length === 0) {
      problems.required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'");
    }
    if ((operator === 'Exists' || operator === 'DoesNotExist') && values.length > 0) {
      problems.forbidden(
        `${at}.values`,
        "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
      );
    }
    const key = text(expression['key']);
    checkFormat(`${at}.key`, key, { messages: qualifiedName(key), problems });
  });
}

function checkPodAffinity(affinity: Json, path: string, problems: Problems): void {
  items(affinity['requiredDuringSchedulingIgnoredDuringExecution']).forEach((term, index) => {
    checkPodTerm(term, `${path}.requiredDuringSchedulingIgnoredDuringExecution[${index}]`, problems);
  });
  items(affinity['preferredDuringSchedulingIgnoredDuringExecution']).forEach((preference, index) => {
    const at = `${path}.preferredDuringSchedulingIgnoredDuringExecution[${index}]`;
    checkWeight(preference['weight'], `${at}.weight`, problems);
    checkPodTerm(asJson(preference['podAffinityTerm']), `${at}.podAffinityTerm`, problems);
  });
}

function checkPodTerm(term: Json, path: string, problems: Problems): void {
  const key = text(term['topologyKey']);
  if (key === '') problems.required(`${path}.topologyKey`, 'can not be empty');
  else checkFormat(`${path}.topologyKey`, key, { messages: qualifiedName(key), problems });
  checkLabelSelector(term['labelSelector'], `${path}.labelSelector`, problems);
}

function checkWeight(weight: unknown, path: string, problems: Problems): void {
  const value = typeof weight === 'number' ? weight : 0;
  if (value < 1 || value > 100) problems.invalid(path, value, 'must be in the range 1-100');
}
