import type { GroupResource, KubeObject } from '../types.ts';

/**
 * The store of one logical cluster: everything in memory while loaded, every change durable before it is seen.
 *
 * Revisions are integers, counted per cluster, never reused and strictly growing over all kinds (the contract that
 * clients of `resourceVersion` rely on). Reads are synchronous and see committed state only. Objects handed out are
 * shared: treat them as frozen, copy before changing.
 */
export interface ClusterStore {
  readonly id: string;
  readonly uid: string;
  /** The newest committed revision. */
  revision(): number;
  /** The oldest revision from which a watch or an exact list can still start, less one. */
  compactedRevision(): number;
  get(resource: GroupResource, namespace: string, name: string): KubeObject | undefined;
  /** The stored JSON text, to answer a GET without stringifying again. */
  getText(resource: GroupResource, namespace: string, name: string): string | undefined;
  /** Sorted by namespace, then name (byte order), like etcd. All namespaces when `namespace` is undefined. */
  list(resource: GroupResource, options?: ListOptions): ListPage;
  /** Objects of any kind that name `uid` in `ownerReferences`. */
  dependents(uid: string): KubeObject[];
  byUid(uid: string): { resource: GroupResource; object: KubeObject } | undefined;
  /** Pods bound to a node. */
  podsOnNode(nodeName: string): KubeObject[];
  /**
   * Reads, decides and writes one object without a gap. `decide` sees the newest state including writes that are still
   * being committed, is called again if it changed meanwhile, and throws to give up. Resolves when the change is durable.
   */
  write(key: ObjectKey, decide: (current: KubeObject | undefined) => WriteDecision): Promise<WriteResult>;
  /** Calls `listener` for each committed change, in order. Used by watches and by controllers. */
  subscribe(resource: GroupResource | '*', listener: (event: StoreEvent) => void): () => void;
  /** Changes after `revision`, oldest first; undefined when it was compacted (410 Gone). */
  since(resource: GroupResource | '*', revision: number): readonly StoreEvent[] | undefined;
}

export interface ObjectKey {
  resource: GroupResource;
  /** '' for cluster-scoped kinds. */
  namespace: string;
  name: string;
}

/** `object` comes without resourceVersion; the store sets it. */
export type WriteDecision = { kind: 'put'; object: KubeObject } | { kind: 'delete' } | { kind: 'none' };

export interface WriteResult {
  /** After a put the stored object; after a delete the last state with the revision of the deletion. */
  object: KubeObject | undefined;
  revision: number;
}

export interface StoreEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  key: ObjectKey;
  revision: number;
  /** For DELETED the last state, carrying the revision of the deletion. */
  object: KubeObject;
  /** JSON text of `object`, encoded once and shared by all watchers. */
  text: string;
  /** The state before; selectors that an object leaves need it. */
  previous: KubeObject | undefined;
}

export interface ListOptions {
  namespace?: string;
  limit?: number;
  /** Start after this key; from a continue token. */
  after?: { namespace: string; name: string };
  filter?: (object: KubeObject) => boolean;
  /**
   * The state as it was at this revision, so that all pages of one list show the same moment. Throws a RangeError when
   * the revision is not above `compactedRevision()` or lies in the future: ask first and answer 410 or 504.
   */
  atRevision?: number;
}

export interface ListPage {
  items: KubeObject[];
  /** JSON texts in the same order. */
  texts: string[];
  /** There is more after the last item. */
  more: boolean;
  /** How many follow; only exact without a filter. */
  remaining: number;
}

/** All logical clusters of a process. Clusters load when first asked for and unload when idle. */
export interface Stores extends AsyncDisposable {
  /** Here and below: a `fence` lower than the highest ever used for the id changes nothing and throws `StaleFenceError`. */
  create(id: string, config: unknown, fence?: number): Promise<{ uid: string }>;
  /** Undefined when there is no such cluster. Keeps it loaded until `release`. */
  open(id: string): Promise<OpenCluster | undefined>;
  setConfig(id: string, config: unknown, fence?: number): Promise<void>;
  find(id: string): Promise<{ uid: string; config: unknown } | undefined>;
  all(): Promise<{ id: string; uid: string }[]>;
  /** The fence stays, so that an owner who was replaced long ago cannot make it again. */
  remove(id: string, fence?: number): Promise<void>;
  /** Remembers the fence without changing anything else. */
  raiseFence(id: string, fence: number): Promise<void>;
  /** `clusters` counts all known ones as of the last look, `objects` the own objects of the loaded ones. */
  stats(): { clusters: number; loadedClusters: number; objects: number };
  /** Asks for `dueClusters` to name these clusters from `atMs` on; null takes it back. */
  setWakes(wakes: readonly PlannedWake[]): Promise<void>;
  /** Clusters whose wake time has come, loaded or not; the caller opens them and sets the next wake time. */
  dueClusters(nowMs: number): Promise<string[]>;
}

export interface OpenCluster extends Disposable {
  readonly store: ClusterStore;
  /** The newest configuration, also after `setConfig`. */
  readonly config: unknown;
  /** Aborts when the cluster is removed, another process took it over, or the stores are disposed: end watches, reopen. */
  readonly signal: AbortSignal;
}

/** An object that every cluster has at revision 1 until the cluster changes or deletes it. It needs a uid. */
export interface BaseObject {
  resource: GroupResource;
  object: KubeObject;
}

/** When a cluster has something to do again, in milliseconds since the epoch; null for never. */
export interface PlannedWake {
  id: string;
  atMs: number | null;
}
