import { cmp, add, formatQuantity } from '../schema/quantity.ts';
import { fieldsOf, objectsOf, textOf } from '../auth/fields.ts';
import type { ClusterStore } from '../store/store.ts';
import type { KubeObject } from '../types.ts';
import { refused, type AdmissionContext } from './context.ts';
import { containerAmounts, type Amounts } from './pod-resources.ts';
import { countUsage, hardOf, increase, ledgerOf, limitedNames, type Reservation } from './quota/ledger.ts';
import { isTerminatingPod, quotaMatches } from './quota/scope.ts';
import { computeUsage, usageOf } from './quota/usage.ts';

/** Names that every container must state when a quota limits them. */
const mustBeStated: ReadonlySet<string> = new Set([
  'cpu',
  'memory',
  'requests.cpu',
  'requests.memory',
  'limits.cpu',
  'limits.memory',
]);

/**
 * Refuses a change that would exceed a quota of its namespace and reserves the amounts otherwise, without a gap between
 * the two (plugin ResourceQuota). Answers how to give them back; undefined when nothing is held.
 */
export function resourceQuota(context: AdmissionContext): (() => void) | undefined {
  const { object, old, info, namespace, store } = context;
  if (!object || !isCounted(context)) return undefined;
  const resource = info.groupResource;
  const quotas = store
    .list('/resourcequotas', { namespace })
    .items.filter((quota) => limitedNames(quota, resource).length > 0 && matchesEither(quota, context));
  if (quotas.length === 0) return undefined;
  const now = context.clock.now();
  for (const quota of quotas) checkStated(context, quota);
  const change: Reservation = {
    key: { resource, namespace, name: context.name },
    object,
    old,
    after: usageOf(resource, object, now),
    before: old ? usageOf(resource, old, now) : new Map(),
  };
  for (const quota of quotas) checkRoom(context, quota, change);
  return context.dryRun ? undefined : ledgerOf(store, () => context.clock.now()).reserve(change);
}

/** `status.used` of a quota: every measurable name of `spec.hard`. The quota controller writes it. */
export function computeQuotaUsage(
  store: ClusterStore,
  quota: KubeObject,
  nowMs: number,
): Record<string, string> {
  const used = [...countUsage(store, quota, nowMs)].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(used.map(([name, amount]) => [name, formatQuantity(amount)]));
}

/** Creations, and the updates that can change an amount. */
function isCounted({ operation, info, subresource, object, old }: AdmissionContext): boolean {
  if (!info.namespaced || (operation !== 'CREATE' && operation !== 'UPDATE')) return false;
  if (operation === 'UPDATE' && info.groupResource === '/pods') {
    const isTerminating = (pod: KubeObject | undefined) => isTerminatingPod(fieldsOf(pod?.['spec']));
    return subresource === 'resize' || (subresource === '' && isTerminating(object) !== isTerminating(old));
  }
  if (subresource !== '') return false;
  return (
    operation === 'CREATE' ||
    info.groupResource === '/services' ||
    info.groupResource === '/persistentvolumeclaims'
  );
}

function matchesEither(quota: KubeObject, { info, object, old }: AdmissionContext): boolean {
  return [object, old].some((state) => state !== undefined && quotaMatches(quota, info.groupResource, state));
}

/** A quota on cpu or memory obliges every container to say what it takes. */
function checkStated(context: AdmissionContext, quota: KubeObject): void {
  if (context.info.groupResource !== '/pods' || !context.object) return;
  const spec = fieldsOf(context.object['spec']);
  if (Object.keys(fieldsOf(spec['resources'])).length > 0) return;
  const required = limitedNames(quota, '/pods').filter((name) => mustBeStated.has(name));
  const missing = new Map<string, Set<string>>();
  for (const container of [...objectsOf(spec['containers']), ...objectsOf(spec['initContainers'])]) {
    const stated = computeUsage(
      containerAmounts(container, 'requests'),
      containerAmounts(container, 'limits'),
    );
    for (const name of required.filter((wanted) => !stated.has(wanted))) {
      missing.set(name, (missing.get(name) ?? new Set()).add(textOf(container['name'])));
    }
  }
  if (missing.size === 0) return;
  const parts = [...missing].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const text = parts
    .map(([name, containers]) => `${name} for: ${[...containers].toSorted().join(',')}`)
    .join('; ');
  throw refused(context, `failed quota: ${quota.metadata.name}: must specify ${text}`);
}

function checkRoom(context: AdmissionContext, quota: KubeObject, change: Reservation): void {
  const requested = increase(quota, change);
  if (requested.size === 0) return;
  const ledger = ledgerOf(context.store, () => context.clock.now());
  const hard = hardOf(quota);
  if (exceededNames(ledger.used(quota), requested, hard).length === 0) return;
  ledger.recount(quota);
  const used = ledger.used(quota);
  const exceeded = exceededNames(used, requested, hard);
  if (exceeded.length === 0) return;
  const print = (amounts: Amounts) => exceeded.map((name) => `${name}=${text(amounts, name)}`).join(',');
  throw refused(
    context,
    `exceeded quota: ${quota.metadata.name}, requested: ${print(requested)}, used: ${print(used)}, limited: ${print(hard)}`,
  );
}

function exceededNames(used: Amounts, requested: Amounts, hard: Amounts): string[] {
  const names = [...requested].flatMap(([name, amount]) => {
    const known = used.get(name);
    const limit = hard.get(name);
    return limit && cmp(known ? add(known, amount) : amount, limit) > 0 ? [name] : [];
  });
  return names.toSorted();
}

function text(amounts: Amounts, name: string): string {
  const amount = amounts.get(name);
  return amount ? formatQuantity(amount) : '0';
}
