import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ConditionInput } from '@hexabase/kernel/conditions.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';

/**
 * The port to whatever gives a workspace its Kubernetes API: the embedded server, real vClusters, or a local
 * kube-apiserver. Every call can be repeated: a crash may happen after any of them. A driver keeps no state of its own
 * that the cluster behind it does not have.
 */
export interface ClusterDriver {
  readonly name: string;
  /** Of the driver that really carries this workspace, where one stands for several; `name` when absent. */
  nameFor?(workspaceId: WorkspaceId): Promise<string>;
  /** Makes or changes the tenant. Refuses with `FencedError` when a higher fence has written before. */
  ensureTenant(spec: TenantSpec, call: Call): Promise<void>;
  /** What is there now; `absent` when nothing is. */
  observeTenant(workspaceId: WorkspaceId, call: Call): Promise<TenantState>;
  /** Starts or continues the removal; answers what was removed and what is left. Done when nothing is left. */
  removeTenant(workspaceId: WorkspaceId, fence: number, call: Call): Promise<Removal>;
  /** Every tenant that carries our label, for orphan collection. */
  listTenants(call: Call): Promise<ListedTenant[]>;
  /** Administrative requests of reconcilers; never handed to a user. */
  tenantClient(workspaceId: WorkspaceId): TenantClient;
  /**
   * What a tenant that answers lacks of its own besides its API, as what it runs by has it. Null
   * when nothing does. For upgrades: who makes or wakes one does not wait for it. A driver that runs nothing of the kind
   * leaves it out.
   */
  unsettled?(workspaceId: WorkspaceId, call: Call): Promise<Unsettled | null>;
  /** Where the gateway sends a user's request, with the user's own token. Rejects when the cluster cannot be found. */
  upstream(workspaceId: WorkspaceId): Promise<Upstream>;
  /**
   * Kubernetes minors that this workspace can have, oldest first: `['1.34', '1.35']`. A driver with one version only, or
   * none to choose from, names that one or leaves it out.
   */
  kubernetesVersions?(workspaceId: WorkspaceId): Promise<readonly string[]>;
  /**
   * What a new workspace beside this one would be run by, as the operator's settings are now: an opaque name for charts,
   * images and their values. A driver that has nothing of the kind leaves it out.
   */
  newestRelease?(workspaceId: WorkspaceId): Promise<string | null>;
  /**
   * How what this workspace holds can be copied into another one; null when it cannot. A driver that never can leaves it
   * out. What says that it can is read and written by `copy/`, through the tenant's own API.
   */
  copying?(workspaceId: WorkspaceId): Promise<Copying | null>;
  /**
   * Whether sleep ends the pods of this workspace: those that nothing makes again are then lost. A driver whose pods stay
   * leaves it out.
   */
  sleepEndsPods?(workspaceId: WorkspaceId): Promise<boolean>;
  /**
   * Calls `changed` soon after somebody made or deleted a namespace. Only a hint that saves time: it may come twice or
   * not at all, and a cluster at rest must cost nothing. A driver that cannot tell leaves it out.
   */
  watchNamespaces?(changed: (workspaceId: WorkspaceId) => void): Disposable;
}

/** What a tenant still lacks. */
export interface Unsettled {
  /** In words: `its DNS does not run`. */
  why: string;
  /** What it runs by is shown to be at fault; else it may as well be the tenant's own doing. */
  isOurs: boolean;
}

/** Name of the driver that really carries a workspace. */
export async function carrierOf(driver: ClusterDriver, workspaceId: WorkspaceId): Promise<string> {
  return (await driver.nameFor?.(workspaceId)) ?? driver.name;
}

export interface Copying {
  /** What it holds can be read also while it sleeps. */
  whileAsleep: boolean;
}

export interface ListedTenant {
  workspaceId: WorkspaceId;
  uid: string;
  /** Name of the driver that carries it, where one stands for several. */
  driver?: string;
}

export interface Call {
  signal: AbortSignal;
}

export interface TenantSpec {
  workspaceId: WorkspaceId;
  slug: string;
  /** The lease's number; written with every change so that a paused old worker cannot overwrite. */
  fence: number;
  generation: number;
  identity: { issuer: string; audience: string };
  size: TenantSize;
  /** `dedicated`: pods run on nodes of their own. */
  isolation: 'shared' | 'dedicated';
  /** Stopped on purpose: nothing runs, all state is kept. A driver that costs nothing at rest only remembers and says it. */
  asleep: boolean;
  /** Wanted Kubernetes minor, `1.34`; the driver's own default when null. */
  kubernetesVersion: string | null;
  /** Wanted release; when null or absent a tenant keeps the one that it has, and a new one gets the newest. */
  release?: string | null;
  /** What a new one gets in place of the newest, when `release` names none. */
  releaseIfNew?: string | null;
  /**
   * Of the tenant that was made, as it was observed: when it is not there, or is another one, nothing is made and
   * `TenantConflictError` says `TenantLost`. Null or absent for one that may be made now.
   */
  uid?: string | null;
}

export interface TenantSize {
  cpuMilli: number;
  memoryMib: number;
  storageGib: number;
}

export type TenantState =
  | { kind: 'absent' }
  | {
      kind: 'present';
      uid: string;
      generation: number;
      /** Its API answers. False while it sleeps. */
      ready: boolean;
      /** Stopped on purpose, and nothing runs any more: neither its control plane nor anything in it. */
      asleep: boolean;
      /** Kubernetes version that answers, `v1.34.4`; null when nobody could ask. */
      kubernetesVersion: string | null;
      /** The release that was last brought whole; null or absent where there is nothing of the kind. */
      release?: string | null;
      /** What the host says of it: image pulls, volumes, quota, crashes. Empty when all is well. */
      conditions: ConditionInput[];
      /**
       * `WorkloadsRunning`: whether the pods of its owner run. It says nothing of the tenant itself, which is as ready as
       * before whatever runs in it. It names nothing that is in the tenant: not everybody who reads it may see all of it.
       * Absent while the API does not answer, and where a driver does not look.
       */
      workloads?: ConditionInput;
    };

export interface Removal {
  /**
   * What this call has seen to be gone. What was `left` at one call and is not at the next is gone as well: whoever
   * repeats the calls adds it up.
   */
  removed: InventoryItem[];
  left: InventoryItem[];
  /** What was looked through for leftovers, in words for the report: 'PersistentVolumes of the host'. */
  checked?: string[];
}

/** One external thing: `{ kind: 'kubernetes-cluster', key: 'ws-…' }`. */
export interface InventoryItem {
  kind: string;
  key: string;
  /** Of what is left: what it waits for, in words. */
  why?: string;
}

/** A Kubernetes API with administrator's rights, one request at a time. */
export interface TenantClient {
  request(request: TenantRequest): Promise<TenantResponse>;
}

export interface TenantRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  body?: unknown;
  contentType?: string;
  signal?: AbortSignal;
  /** Milliseconds that it may take, where that is more than whoever carries it waits by itself. */
  timeoutMs?: number;
  /**
   * Bytes of the answer that are read, where that is less than whoever carries it reads by itself. A larger one is as
   * none: `KubeCallError` with the reason `large`. Who asks a server in the same process is answered whole.
   */
  answerBytesMax?: number;
}

export interface TenantResponse {
  status: number;
  body: unknown;
}

/** Either a handler in this process or an address with the authority that signs its certificate. */
export type Upstream =
  | {
      kind: 'handler';
      handle(request: IncomingMessage, response: ServerResponse): void;
      upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
    }
  | {
      kind: 'url';
      url: string;
      certificateAuthority: string;
      serverName?: string;
      /** Opens the way when the address cannot be dialled from here (a tunnel); raw bytes, TLS is spoken on top. */
      connect?: () => Promise<Duplex>;
    };

/** A newer worker owns this workspace; whoever gets this stops at once. */
export class FencedError extends Error {
  constructor(workspaceId: WorkspaceId) {
    super(`a newer worker owns workspace ${workspaceId}`);
    this.name = 'FencedError';
  }
}

/**
 * It cannot work however often it is tried: somebody has to decide or change something first. The message is a sentence
 * for that person. Nothing of anybody else's was touched.
 */
export class TenantConflictError extends AppError {
  readonly reason: TenantConflictReason;

  constructor(message: string, { reason, cause }: { reason: TenantConflictReason; cause?: unknown }) {
    super('conflict', { cause, message });
    this.name = 'TenantConflictError';
    this.reason = reason;
  }
}

/** Reason of the condition that tells it. */
export type TenantConflictReason =
  /** What the tenant was made from is recorded nowhere any more. */
  | 'ReleaseGone'
  /** It was made, and is not there any more. */
  | 'TenantLost'
  /** Something that is not ours has the name. */
  | 'NameTaken'
  /** The Kubernetes version cannot be had here, or not from the one that runs. */
  | 'VersionNotOffered'
  | 'VersionTooFar'
  /** More than one minor version lies between the chart that it was made from and the one that is wanted. */
  | 'ChartTooFar'
  /** What tenants are made from is missing, another one than was pinned, or does not take the values. */
  | 'ChartUnusable'
  | 'HelmUnusable';
