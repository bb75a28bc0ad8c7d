import type { Clock } from '@hexabase/kernel/clock.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { ApiClient, Ref } from '../api/client.ts';
import type { ClusterConfig, GroupResource, KubeObject } from '../types.ts';
import type { OrphanIndex } from './orphans.ts';
import type { Requeue } from './queue.ts';
import type { Timers } from './timers.ts';

/** What the controllers of one cluster need from whoever starts them. */
export interface ControllersDeps {
  clock: Clock;
  log: Logger;
  config: ClusterConfig;
  /** PEM text for the `kube-root-ca.crt` ConfigMaps. */
  caCertificate: string;
  /** Multiplies the simulated delays (image pulls, starts, job runs); 1 by default, 0 in tests. */
  timeScale?: number;
  /** The timers shared by all clusters of `clock` by default. */
  timers?: Timers;
}

/** What a controller works with: one per loaded cluster. */
export interface Context {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly caCertificate: string;
  readonly timeScale: number;
  readonly orphans: OrphanIndex;
  config(): ClusterConfig;
  /** Makes another controller look at a key. */
  enqueue(controller: string, key: string, afterMs?: number): void;
}

/**
 * A controller is data shared by all clusters: which changes wake which keys, and how a key is brought to its wanted
 * state. It is level-triggered: it reads the newest state and may run any number of times.
 */
export interface Controller {
  readonly name: string;
  readonly watches: readonly Watch[];
  reconcile(key: string, context: Context): Promise<Requeue | void>;
}

export interface Watch {
  resource: GroupResource | '*';
  /** The keys that a change concerns. Also called once for each existing object at start. */
  keys(change: Change, context: Context): Iterable<string>;
}

export interface Change {
  resource: GroupResource;
  object: KubeObject;
  previous: KubeObject | undefined;
  deleted: boolean;
}

const NONE: readonly string[] = [];

/** Watches a kind whose own key is worked on. */
export function watchSelf(resource: GroupResource): Watch {
  return { resource, keys: ({ object }) => [keyOf(object)] };
}

/** Watches a kind whose controller (by `ownerReferences`) is worked on. */
export function watchOwned(resource: GroupResource, ownerKind: string): Watch {
  return {
    resource,
    keys: ({ object, previous }) => {
      const owner = ownerKey(object, ownerKind);
      const before = previous ? ownerKey(previous, ownerKind) : undefined;
      if (owner === undefined) return before === undefined ? NONE : [before];
      return before === undefined || before === owner ? [owner] : [owner, before];
    },
  };
}

/** `namespace/name`. */
export function keyOf(object: KubeObject): string {
  return `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
}

/** The reverse of `keyOf`. */
export function parseKey(key: string): Ref {
  const slash = key.indexOf('/');
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** The reference that reads or writes an object. */
export function refOf(object: KubeObject): Ref {
  return { namespace: object.metadata.namespace ?? '', name: object.metadata.name };
}

function ownerKey(object: KubeObject, ownerKind: string): string | undefined {
  const owner = object.metadata.ownerReferences?.find((reference) => reference.controller);
  return owner?.kind === ownerKind ? `${object.metadata.namespace ?? ''}/${owner.name}` : undefined;
}
