import { add, sub, type Quantity } from '../../schema/quantity.ts';
import { fieldsOf } from '../../auth/fields.ts';
import type { ClusterStore, ObjectKey, StoreEvent } from '../../store/store.ts';
import type { GroupResource, KubeObject } from '../../types.ts';
import { amountsOf, type Amounts } from '../pod-resources.ts';
import { quotaMatches } from './scope.ts';
import { measuredKind, usageOf } from './usage.ts';

const quotas = '/resourcequotas';

/** An admitted change that is not committed yet. */
export interface Reservation {
  key: ObjectKey;
  object: KubeObject;
  old: KubeObject | undefined;
  /** Usage of the new and of the old state. */
  after: Amounts;
  before: Amounts;
}

interface Total {
  /** Text of the quota's spec for which it was counted. */
  spec: string;
  used: Amounts;
  /** Some counted pod is being deleted: its share ends with its grace period, without an event. */
  timed: boolean;
}

/**
 * What is used and what is about to be used, per namespace. Committed usage is counted once per quota and then follows
 * the store's events; a reservation ends when its object's change is committed, or is given back when it is not. One
 * process owns a cluster, so that the two together never let concurrent writes exceed a quota.
 */
export class QuotaLedger {
  readonly #store: ClusterStore;
  readonly #now: () => number;
  readonly #pending = new Map<string, Set<Reservation>>();
  readonly #totals = new Map<string, Map<string, Total>>();

  constructor(store: ClusterStore, now: () => number) {
    this.#store = store;
    this.#now = now;
    store.subscribe('*', (event) => this.#follow(event));
  }

  /** Holds the amounts until the change is committed or the answer is called. */
  reserve(reservation: Reservation): () => void {
    const { namespace } = reservation.key;
    const held = this.#pending.get(namespace) ?? new Set();
    this.#pending.set(namespace, held.add(reservation));
    return () => this.#drop(namespace, reservation);
  }

  /** Committed usage and reservations under a quota, for the names that it limits. */
  used(quota: KubeObject): Amounts {
    const used = new Map(this.#total(quota).used);
    for (const held of this.#pending.get(quota.metadata.namespace ?? '') ?? []) {
      for (const [name, amount] of increase(quota, held)) used.set(name, plus(used.get(name), amount));
    }
    return used;
  }

  /** Counts again if time alone may have freed something. */
  recount(quota: KubeObject): void {
    const totals = this.#totals.get(quota.metadata.namespace ?? '');
    if (totals?.get(quota.metadata.name)?.timed) totals.delete(quota.metadata.name);
  }

  #total(quota: KubeObject): Total {
    const { namespace = '', name } = quota.metadata;
    const inNamespace = this.#totals.get(namespace) ?? new Map<string, Total>();
    this.#totals.set(namespace, inNamespace);
    const spec = JSON.stringify(quota['spec']);
    const known = inNamespace.get(name);
    if (known?.spec === spec) return known;
    const timed = this.#store.list('/pods', { namespace }).items.some(isDying);
    const total = { spec, used: countUsage(this.#store, quota, this.#now()), timed };
    inNamespace.set(name, total);
    return total;
  }

  #follow(event: StoreEvent): void {
    const { key, object, previous, revision } = event;
    for (const held of this.#pending.get(key.namespace) ?? []) {
      const sameObject = held.key.resource === key.resource && held.key.name === key.name;
      // A reservation made on top of this very change is still to come.
      if (sameObject && Number(held.old?.metadata.resourceVersion ?? 0) < revision)
        this.#drop(key.namespace, held);
    }
    const totals = this.#totals.get(key.namespace);
    if (!totals) return;
    if (key.resource === quotas && event.type === 'DELETED') totals.delete(key.name);
    for (const [name, total] of totals) {
      const quota = this.#store.get(quotas, key.namespace, name);
      if (!quota || JSON.stringify(quota['spec']) !== total.spec) totals.delete(name);
      else if (!move(total, quota, { key, object: event.type === 'DELETED' ? undefined : object, previous }))
        totals.delete(name);
    }
    if (totals.size === 0) this.#totals.delete(key.namespace);
  }

  #drop(namespace: string, reservation: Reservation): void {
    const held = this.#pending.get(namespace);
    held?.delete(reservation);
    if (held?.size === 0) this.#pending.delete(namespace);
  }
}

const ledgers = new WeakMap<ClusterStore, QuotaLedger>();

/** The ledger of a store, made when its first quota is asked about. */
export function ledgerOf(store: ClusterStore, now: () => number): QuotaLedger {
  const known = ledgers.get(store);
  if (known) return known;
  const ledger = new QuotaLedger(store, now);
  ledgers.set(store, ledger);
  return ledger;
}

/** The names that a quota limits and that objects of the kind fill. */
export function limitedNames(quota: KubeObject, resource?: GroupResource): string[] {
  return [...hardOf(quota).keys()].filter((name) => {
    const measured = measuredKind(name);
    return measured !== undefined && (resource === undefined || measured === resource);
  });
}

/** `spec.hard`. */
export function hardOf(quota: KubeObject): Amounts {
  return amountsOf(fieldsOf(quota['spec'])['hard']);
}

/** What committed objects use under a quota: every measurable name of `spec.hard`, zeros included. */
export function countUsage(store: ClusterStore, quota: KubeObject, nowMs: number): Amounts {
  const namespace = quota.metadata.namespace ?? '';
  const names = limitedNames(quota);
  const used: Amounts = new Map(names.map((name) => [name, zero]));
  const kinds = new Set(names.flatMap((name) => measuredKind(name) ?? []));
  for (const kind of kinds) {
    for (const object of store.list(kind, { namespace }).items) {
      for (const [name, amount] of charge(quota, kind, { object, usage: usageOf(kind, object, nowMs) })) {
        used.set(name, plus(used.get(name), amount));
      }
    }
  }
  return used;
}

/** How much a change raises the usage under a quota; lowered amounts count as zero until they are committed. */
export function increase(quota: KubeObject, change: Reservation): Amounts {
  const { resource } = change.key;
  const after = charge(quota, resource, { object: change.object, usage: change.after });
  const before = charge(quota, resource, { object: change.old, usage: change.before });
  const raised: Amounts = new Map();
  for (const [name, amount] of after) {
    const less = before.get(name);
    const delta = less ? sub(amount, less) : amount;
    if (delta.nano > 0n) raised.set(name, delta);
  }
  return raised;
}

const zero: Quantity = { nano: 0n, format: 'DecimalSI' };

function charge(
  quota: KubeObject,
  resource: GroupResource,
  state: { object: KubeObject | undefined; usage: Amounts },
): Amounts {
  const charged: Amounts = new Map();
  if (!state.object || !quotaMatches(quota, resource, state.object)) return charged;
  for (const name of hardOf(quota).keys()) {
    const amount = state.usage.get(name);
    if (amount) charged.set(name, amount);
  }
  return charged;
}

/** Applies one committed change; false when its effect cannot be told because time has passed between two counts. */
function move(
  total: Total,
  quota: KubeObject,
  change: { key: ObjectKey; object: KubeObject | undefined; previous: KubeObject | undefined },
): boolean {
  const { resource } = change.key;
  if (limitedNames(quota, resource).length === 0) return true;
  if (resource === '/pods' && change.previous && isDying(change.previous)) return false;
  if (change.object && isDying(change.object)) total.timed = true;
  const usage = (object: KubeObject | undefined) =>
    charge(quota, resource, { object, usage: object ? usageOf(resource, object, 0) : new Map() });
  for (const [name, amount] of usage(change.object)) total.used.set(name, plus(total.used.get(name), amount));
  for (const [name, amount] of usage(change.previous))
    total.used.set(name, sub(total.used.get(name) ?? zero, amount));
  return true;
}

function isDying(object: KubeObject): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}

function plus(known: Quantity | undefined, amount: Quantity): Quantity {
  return known ? add(known, amount) : amount;
}
