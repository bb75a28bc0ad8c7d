import { isObject, textOf } from '../auth/fields.ts';
import type { KubeObject } from '../types.ts';
import { concerns, refused, type AdmissionContext } from './context.ts';

const classes = 'scheduling.k8s.io/priorityclasses';

/** Resolves a pod's `priorityClassName` into its priority; one class only may be the default (plugin Priority). */
export function priority(context: AdmissionContext): void {
  if (concerns(context, '/pods')) {
    if (context.operation === 'CREATE') resolve(context);
    if (context.operation === 'UPDATE') keep(context);
  }
  if (concerns(context, classes) && context.operation !== 'DELETE') onlyOneDefault(context);
}

function resolve(context: AdmissionContext): void {
  const spec = context.object?.['spec'];
  if (!isObject(spec)) return;
  const name = textOf(spec['priorityClassName']);
  const found = name === '' ? defaultClass(context) : context.store.get(classes, '', name);
  if (name !== '' && !found) throw refused(context, `no PriorityClass with name ${name} was found`);
  const value = typeof found?.['value'] === 'number' ? found['value'] : 0;
  const policy = textOf(found?.['preemptionPolicy']) || 'PreemptLowerPriority';
  if (typeof spec['priority'] === 'number' && spec['priority'] !== value) {
    throw refused(
      context,
      `the integer value of priority (${spec['priority']}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
    );
  }
  if (typeof spec['preemptionPolicy'] === 'string' && spec['preemptionPolicy'] !== policy) {
    throw refused(
      context,
      `the string value of PreemptionPolicy (${spec['preemptionPolicy']}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
    );
  }
  if (found) spec['priorityClassName'] = found.metadata.name;
  spec['priority'] = value;
  spec['preemptionPolicy'] = policy;
}

function keep(context: AdmissionContext): void {
  const spec = context.object?.['spec'];
  const old = context.old?.['spec'];
  if (!isObject(spec) || !isObject(old)) return;
  for (const field of ['priority', 'preemptionPolicy']) {
    if (spec[field] === undefined && old[field] !== undefined) spec[field] = old[field];
  }
}

/** The class marked `globalDefault`; the lowest one if a race made two. */
function defaultClass(context: AdmissionContext): KubeObject | undefined {
  const marked = context.store.list(classes).items.filter((item) => item['globalDefault'] === true);
  return marked.toSorted((a, b) => Number(a['value']) - Number(b['value'])).at(0);
}

function onlyOneDefault(context: AdmissionContext): void {
  if (context.object?.['globalDefault'] !== true) return;
  const marked = defaultClass(context);
  if (!marked || (context.operation === 'UPDATE' && marked.metadata.name === context.name)) return;
  throw refused(
    context,
    `PriorityClass ${marked.metadata.name} is already marked as default. Only one default can exist`,
  );
}
