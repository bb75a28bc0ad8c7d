import type { Clock } from '@hexabase/kernel/clock.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { ClusterStore } from '../store/store.ts';
import type { ClusterConfig, KubeObject, ResourceInfo, UserInfo } from '../types.ts';
import type { StatusCause } from './status-error.ts';

/** What the API needs to know about kinds. The real one is `runtime/schema.ts`; tests may bring a smaller one. */
export interface Schema {
  findResource(group: string, version: string, plural: string): ResourceInfo | undefined;
  resourceForKind(group: string, version: string, kind: string): ResourceInfo | undefined;
  /** One entry per kind, at its preferred version. */
  servedResources(): readonly ResourceInfo[];
  groupVersions(): readonly { group: string; version: string }[];
  decodeProtobuf(body: Buffer): unknown;
  parseStrict(text: string): { value: unknown; duplicates: string[] };
  /** Unknown fields and wrong types, in upstream's words. */
  checkFields(apiVersion: string, kind: string, value: unknown): FieldProblem[];
  prune(object: KubeObject): void;
  applyDefaults(object: KubeObject): void;
  validateCreate(info: ResourceInfo, object: KubeObject): StatusCause[];
  validateUpdate(info: ResourceInfo, object: KubeObject, old: KubeObject): StatusCause[];
  listStrategy(apiVersion: string, kind: string, path: readonly string[]): ListStrategy | undefined;
  /** `/api`, `/apis…`, `/openapi/v3…`; undefined for other paths. */
  document(path: string, query: URLSearchParams, aggregated: boolean): SchemaDocument | undefined;
}

export interface FieldProblem {
  kind: 'unknown' | 'duplicate' | 'type';
  message: string;
}

/** How strategic merge patch treats a field. */
export interface ListStrategy {
  merge: boolean;
  mergeKey: string | undefined;
  retainKeys: boolean;
}

export interface SchemaDocument {
  body: Buffer | string;
  contentType: string;
  encoding?: 'gzip';
  etag?: string;
  immutable?: boolean;
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

export interface Attributes {
  verb: string;
  group: string;
  version: string;
  resource: string;
  subresource: string;
  namespace: string;
  name: string;
  path: string;
  isResource: boolean;
}

/** Everything around the registry, one per process. */
export interface ApiDeps {
  clock: Clock;
  log: Logger;
  schema: Schema;
  admit(input: AdmissionInput): Promise<Admitted>;
  authorize(cluster: ClusterApi, user: UserInfo, attributes: Attributes): { allowed: boolean; reason: string };
  /** Refuses role and binding writes that would give more than the writer has. Throws 403. */
  checkEscalation(cluster: ClusterApi, user: UserInfo, object: KubeObject, subresource: string): void;
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
  warn(message: string): void;
}
