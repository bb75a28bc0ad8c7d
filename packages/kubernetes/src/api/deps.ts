import type { Clock } from '@hexabase/kernel/clock.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { Attributes } from '../auth/rules.ts';
import type { ClusterStore } from '../store/store.ts';
import type { ClusterConfig, KubeObject, ResourceInfo, UserInfo } from '../types.ts';
import type { StatusCause } from './status-error.ts';

/** What the API needs to know about kinds. */
export interface Schema {
  findResource(group: string, version: string, plural: string): ResourceInfo | undefined;
  /** Every kind at every served version. */
  servedResources(): readonly ResourceInfo[];
  /** In place. */
  applyDefaults(object: KubeObject): void;
  validateCreate(info: ResourceInfo, object: KubeObject): StatusCause[];
  validateUpdate(info: ResourceInfo, object: KubeObject, old: KubeObject): StatusCause[];
}

/** One operation as admission sees it. */
export interface AdmissionInput {
  operation: 'CREATE' | 'UPDATE' | 'DELETE';
  info: ResourceInfo;
  subresource: string;
  namespace: string;
  name: string;
  object: KubeObject | undefined;
  old: KubeObject | undefined;
  user: UserInfo;
  dryRun: boolean;
  cluster: ClusterApi;
  warn(message: string): void;
}

/** Given back by admission: the object to store and what to do when it is not stored after all. */
export interface Admitted {
  object: KubeObject | undefined;
  release?: () => void;
}

/** Everything around the registry, one per process. */
export interface ApiDeps {
  clock: Clock;
  log: Logger;
  schema: Schema;
  admit(input: AdmissionInput): Promise<Admitted>;
  authorize(
    cluster: ClusterApi,
    user: UserInfo,
    attributes: Attributes,
  ): { allowed: boolean; reason: string };
  /** Refuses role and binding writes that would give more than the writer has. Throws 403. */
  checkEscalation(
    writer: { cluster: ClusterApi; user: UserInfo },
    object: KubeObject,
    old?: KubeObject,
  ): void;
  /** Answers the review kinds of `authorization.k8s.io` and `authentication.k8s.io`. */
  review(cluster: ClusterApi, user: UserInfo, object: KubeObject): Promise<KubeObject>;
  /** The text of a container's log, streamed to `write` until done or `signal` aborts. */
  streamPodLog(request: PodLogRequest): Promise<void>;
  /** `metrics.k8s.io` numbers; undefined where nothing is measured. */
  podUsage(cluster: ClusterApi, pod: KubeObject): KubeObject | undefined;
  nodeUsage(cluster: ClusterApi, node: KubeObject): KubeObject | undefined;
}

export interface PodLogRequest {
  cluster: ClusterApi;
  pod: KubeObject;
  container: string;
  query: URLSearchParams;
  write(chunk: string): void;
  signal: AbortSignal;
}

/** One loaded cluster, as requests see it. */
export interface ClusterApi {
  readonly id: string;
  readonly uid: string;
  readonly store: ClusterStore;
  readonly config: ClusterConfig;
  readonly deps: ApiDeps;
}

/** One request on a resource, after parsing, authentication and authorization. */
export interface Call {
  cluster: ClusterApi;
  user: UserInfo;
  info: ResourceInfo;
  /** '' for cluster-scoped kinds and for all namespaces. */
  namespace: string;
  name: string;
  subresource: string;
  dryRun: boolean;
  fieldManager: string;
  /** Set for a server-side apply, which settles managedFields itself. */
  applied?: true;
  /** The subresource that managedFields name where it is not `subresource`. */
  managedSubresource?: string;
  warn(message: string): void;
}
