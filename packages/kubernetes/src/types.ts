import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** Any Kubernetes object, as JSON. Code that knows the kind narrows with the interfaces of `objects.ts`. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  [field: string]: unknown;
}

/** `metav1.ObjectMeta`. */
export interface ObjectMeta {
  name: string;
  generateName?: string;
  namespace?: string;
  uid: string;
  resourceVersion: string;
  generation?: number;
  creationTimestamp: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  managedFields?: unknown[];
}

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** Group and plural, `apps/deployments` or `/pods`: the key of a kind in the store, independent of the version. */
export type GroupResource = `${string}/${string}`;

/** A kind that the API serves, at one version. Built from the generated schemas and the hand-written overlay. */
export interface ResourceInfo {
  groupResource: GroupResource;
  group: string;
  version: string;
  kind: string;
  plural: string;
  singular: string;
  shortNames: readonly string[];
  categories: readonly string[];
  namespaced: boolean;
  verbs: readonly string[];
  /** `status`, `scale`, `log` …: name to the kind that it takes and gives. */
  subresources: ReadonlyMap<string, SubresourceInfo>;
}

export interface SubresourceInfo {
  name: string;
  group: string;
  version: string;
  kind: string;
  verbs: readonly string[];
}

/** `authentication.k8s.io` UserInfo. */
export interface UserInfo {
  username: string;
  uid?: string;
  groups: readonly string[];
  extra?: Readonly<Record<string, readonly string[]>>;
}

/** Finds who sends a request, or answers null for 401. One per cluster; given by whoever embeds the library. */
export type Authenticator = (request: IncomingMessage) => Promise<UserInfo | null>;

export type AuthorizationMode = 'RBAC' | 'AlwaysAllow';

/** What one logical cluster looks like. Changing it with `ensureCluster` takes effect at once. */
export interface ClusterConfig {
  authorization: AuthorizationMode;
  /** Simulated nodes; 0 leaves pods Pending. */
  nodes: readonly SimulatedNode[];
  /** Base path under which clients reach the cluster, without a trailing slash; '' at the root. */
  basePath: string;
  /** Notes of the embedding product, kept with the cluster and never shown to its users. */
  annotations?: Readonly<Record<string, string>>;
}

export interface SimulatedNode {
  name: string;
  cpuMilli: number;
  memoryMib: number;
  pods: number;
  labels?: Record<string, string>;
  taints?: { key: string; value?: string; effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute' }[];
}

/** The library's surface for whoever embeds it: many logical clusters in one process. */
export interface Kubernetes extends AsyncDisposable {
  /**
   * Makes the cluster or changes its configuration. Safe to repeat. Answers its stable uid.
   * `fence` is a number that grows with each owner: with a lower one than was ever used for this id, also before a
   * removal, nothing is changed and `StaleFenceError` is thrown.
   */
  ensureCluster(id: string, config: ClusterConfig, fence?: number): Promise<{ uid: string }>;
  /** Ends every watch and stream and removes all rows but the fence. Safe to repeat. Throws `StaleFenceError`. */
  removeCluster(id: string, fence?: number): Promise<void>;
  findCluster(id: string): Promise<{ uid: string; config: ClusterConfig } | null>;
  listClusters(): Promise<{ id: string; uid: string }[]>;
  /** Serves one request; `request.url` is relative to the cluster's root (`/api/v1/…`). 404 when there is no such cluster. */
  handle(id: string, request: IncomingMessage, response: ServerResponse): void;
  /** Serves exec, attach and port-forward. */
  upgrade(id: string, request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** In-process requests as `system:masters`; for controllers of the embedding product. */
  request(id: string, request: InProcessRequest): Promise<InProcessResponse>;
  /** Numbers for metrics and benchmarks. */
  stats(): { clusters: number; loadedClusters: number; objects: number; watches: number };
}

export interface InProcessRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With query, `/api/v1/namespaces?limit=1`. */
  path: string;
  body?: unknown;
  /** Defaults to JSON; patches say which kind of patch. */
  contentType?: string;
  signal?: AbortSignal;
}

export interface InProcessResponse {
  status: number;
  body: unknown;
}
