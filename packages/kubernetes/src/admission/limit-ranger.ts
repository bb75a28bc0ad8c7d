import { fieldsOf, isObject, objectsOf, stringMapOf, textOf, type Json } from '../auth/fields.ts';
import { concerns, refused, type AdmissionContext } from './context.ts';
import { limitProblems } from './limit-check.ts';
import { amountsOf, containerAmounts, podAmounts } from './pod-resources.ts';

const annotation = 'kubernetes.io/limit-ranger';

/** Gives the containers of a new pod the defaults of the namespace's LimitRanges. */
export function limitRangerDefaults(context: AdmissionContext): void {
  if (context.operation !== 'CREATE' || !concerns(context, '/pods') || !context.object) return;
  const spec = context.object['spec'];
  if (!isObject(spec)) return;
  for (const limits of limitRanges(context)) {
    const notes = [
      ...objectsOf(spec['containers']).flatMap((container) => fillContainer(container, limits, 'container')),
      ...objectsOf(spec['initContainers']).flatMap((container) =>
        fillContainer(container, limits, 'init container'),
      ),
    ];
    if (notes.length === 0) continue;
    const { metadata } = context.object;
    metadata.annotations = {
      ...metadata.annotations,
      [annotation]: `LimitRanger plugin set: ${notes.join('; ')}`,
    };
  }
}

/** Refuses pods and claims outside the namespace's limits; names every limit that is broken. */
export function limitRangerCheck(context: AdmissionContext): void {
  const { object, operation } = context;
  if (!object || (operation !== 'CREATE' && operation !== 'UPDATE')) return;
  const isPod =
    (operation === 'CREATE' && concerns(context, '/pods')) ||
    (operation === 'UPDATE' && context.info.groupResource === '/pods' && context.subresource === 'resize');
  const isClaim = concerns(context, '/persistentvolumeclaims');
  if (!isPod && !isClaim) return;
  const spec = fieldsOf(object['spec']);
  for (const limits of limitRanges(context)) {
    const problems = limits.flatMap((limit) =>
      isPod ? podProblems(spec, limit) : claimProblems(spec, limit),
    );
    const distinct = [...new Set(problems)];
    if (distinct.length === 1) throw refused(context, distinct.join(''));
    if (distinct.length > 1) throw refused(context, `[${distinct.join(', ')}]`);
  }
}

/** The `spec.limits` of each LimitRange. */
function limitRanges(context: AdmissionContext): Json[][] {
  const ranges = context.store.list('/limitranges', { namespace: context.namespace }).items;
  return ranges.map((range) => objectsOf(fieldsOf(range['spec'])['limits']));
}

function fillContainer(container: Json, limits: readonly Json[], label: string): string[] {
  const forContainers = limits.filter((limit) => limit['type'] === 'Container');
  const resources = { ...fieldsOf(container['resources']) };
  const setRequests = fill(
    resources,
    'requests',
    forContainers.map((limit) => stringMapOf(limit['defaultRequest'])),
  );
  const setLimits = fill(
    resources,
    'limits',
    forContainers.map((limit) => stringMapOf(limit['default'])),
  );
  if (setRequests.length + setLimits.length > 0) container['resources'] = resources;
  const name = textOf(container['name']);
  return [
    ...(setRequests.length > 0 ? [`${setRequests.join(', ')} request for ${label} ${name}`] : []),
    ...(setLimits.length > 0 ? [`${setLimits.join(', ')} limit for ${label} ${name}`] : []),
  ];
}

/** Adds what is missing and names it, sorted. */
function fill(
  resources: Json,
  side: 'requests' | 'limits',
  defaults: readonly Record<string, string>[],
): string[] {
  const wanted: Record<string, string> = Object.assign({}, ...defaults);
  const given = fieldsOf(resources[side]);
  const missing = Object.keys(wanted).filter((name) => !Object.hasOwn(given, name));
  if (missing.length > 0)
    resources[side] = { ...given, ...Object.fromEntries(missing.map((name) => [name, wanted[name]])) };
  return missing.toSorted();
}

function podProblems(spec: Json, limit: Json): string[] {
  if (limit['type'] === 'Pod') {
    return limitProblems(limit, {
      requests: podAmounts(spec, 'requests'),
      limits: podAmounts(spec, 'limits'),
    });
  }
  if (limit['type'] !== 'Container') return [];
  const containers = [...objectsOf(spec['containers']), ...objectsOf(spec['initContainers'])];
  return containers.flatMap((container) =>
    limitProblems(limit, {
      requests: containerAmounts(container, 'requests'),
      limits: containerAmounts(container, 'limits'),
    }),
  );
}

function claimProblems(spec: Json, limit: Json): string[] {
  if (limit['type'] !== 'PersistentVolumeClaim') return [];
  return limitProblems(limit, { requests: amountsOf(fieldsOf(spec['resources'])['requests']) });
}
