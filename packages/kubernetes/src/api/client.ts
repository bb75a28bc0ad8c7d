import type { GroupResource, KubeObject } from '../types.ts';
import type { ClusterStore } from '../store/store.ts';

/**
 * What controllers, the scheduler and the kubelet use. Writes go through the same registry as HTTP requests (defaulting,
 * validation, admission, finalizers) as a named system user. Reads come from the store.
 */
export interface ApiClient {
  readonly clusterId: string;
  readonly store: ClusterStore;
  get<T extends KubeObject>(resource: GroupResource, namespace: string, name: string): T | undefined;
  list<T extends KubeObject>(resource: GroupResource, options?: ClientListOptions): T[];
  /** Throws a `StatusError` (AlreadyExists, Forbidden …). */
  create<T extends KubeObject>(resource: GroupResource, object: NewObject): Promise<T>;
  /**
   * Reads, changes and writes; repeats on conflict. `change` gets a copy that it may alter and answers false to leave it.
   * Answers undefined when the object is gone.
   */
  update<T extends KubeObject>(
    resource: GroupResource,
    ref: Ref,
    change: (object: T) => boolean | void,
  ): Promise<T | undefined>;
  /** The same for the status subresource: only `status` (and for pods also nothing else) is kept. */
  updateStatus<T extends KubeObject>(
    resource: GroupResource,
    ref: Ref,
    change: (object: T) => boolean | void,
  ): Promise<T | undefined>;
  /** Not found is success. `uid` is a precondition. */
  delete(resource: GroupResource, ref: Ref, options?: DeleteOptions): Promise<void>;
  /** Records a `v1.Event`, counting repeats. */
  event(
    about: KubeObject,
    event: { type: 'Normal' | 'Warning'; reason: string; message: string; component: string },
  ): Promise<void>;
}

export interface Ref {
  namespace: string;
  name: string;
}

export interface ClientListOptions {
  namespace?: string;
  labels?: Record<string, string>;
}

export interface DeleteOptions {
  uid?: string;
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Foreground' | 'Background' | 'Orphan';
}

/** An object as a client sends it: the server fills the rest of `metadata`. */
export interface NewObject {
  apiVersion: string;
  kind: string;
  metadata: Partial<KubeObject['metadata']>;
  [field: string]: unknown;
}
