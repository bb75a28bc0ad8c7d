import type { ConditionInput } from '@hexabase/kernel/conditions.ts';
import { sentences } from '@hexabase/kernel/text/sentences.ts';
import { KubeCallError, KubeRefusal } from '../kube-api/call-errors.ts';
import type { TenantClient, TenantResponse } from '../port.ts';

/** One thing that was looked at on a host cluster. */
export interface HostCheck extends ConditionInput {
  type: HostCheckType;
  /** What to do about it, in words; empty when nothing is to be done. */
  todo: string;
  /** Workspaces cannot run without it. */
  required: boolean;
}

export type HostCheckType =
  | 'Reachable'
  | 'SameCluster'
  | 'VersionSupported'
  | 'RightsGranted'
  | 'NodesReady'
  | 'StorageReady'
  | 'PoliciesServed'
  | 'PoliciesInPlace'
  | 'MetricsServed'
  | 'NetworkPoliciesEnforced'
  | 'PodAddressesClosed'
  | 'TenantVersionsFit'
  | 'HelmFound'
  | 'ChartUsable'
  | 'IssuerReachable'
  | 'IssuerTrusted';

/** What is known about a host cluster for the choice of a place. Memory in MiB, CPU in thousandths. */
export interface HostObserved {
  kubernetesVersion: string;
  nodes: number;
  cpuMilli: number;
  memoryMib: number;
  pods: number;
  storageClass: string | null;
}

export interface HostReport {
  checks: HostCheck[];
  /** Of the host, as `v1.34.4`; null when nobody could look further. */
  kubernetesVersion: string | null;
  /** Null when nobody could look at its nodes. */
  observed: HostObserved | null;
  /** Which cluster answered; null when none did, or not the one that was added. */
  clusterUid: string | null;
}

type Said = Pick<HostCheck, 'reason' | 'message'> & { todo?: string };

export function good(type: HostCheckType, said: Said): HostCheck {
  return { type, status: 'True', required: true, todo: '', ...said };
}

export function bad(type: HostCheckType, said: Said): HostCheck {
  return { type, status: 'False', required: true, todo: '', ...said };
}

/** Nobody could look, or what is there does not tell. */
export function unsure(type: HostCheckType, said: Said): HostCheck {
  return { type, status: 'Unknown', required: true, todo: '', ...said };
}

/** The same for something that workspaces can do without. */
export function optional(check: HostCheck): HostCheck {
  return { ...check, required: false };
}

/** What was found and what to do about it; without a stop where nothing is to be done, as conditions have it. */
export function wordsOf({ message, todo }: Pick<HostCheck, 'message' | 'todo'>): string {
  return todo === '' ? message : sentences(message, todo);
}

export interface Look {
  client: TenantClient;
  signal: AbortSignal;
}

/** One call that only reads. A call that was given up or refused as too many is an answer too: `null`. */
export async function read(look: Look, path: string): Promise<TenantResponse | null> {
  try {
    return await look.client.request({ method: 'GET', path, signal: look.signal });
  } catch (error) {
    if (error instanceof KubeCallError) return null;
    throw error;
  }
}

/** Says why there is nothing to say. */
export function noAnswer(answer: TenantResponse | null): Said {
  if (answer?.status === 403) {
    return {
      reason: 'Forbidden',
      message: 'The account may not look at this',
      todo: 'Give it the rights of deploy/host-rbac.yaml.',
    };
  }
  const message = answer ? `The host answered ${answer.status}` : 'The host did not answer';
  return { reason: 'NoAnswer', message };
}

/** What to say after a call that failed. Throws whatever is no answer and no silence of the host. */
export function notAnswered(type: HostCheckType, error: unknown): HostCheck {
  if (error instanceof KubeRefusal) return unsure(type, noAnswer({ status: error.status, body: null }));
  if (error instanceof KubeCallError) return unsure(type, noAnswer(null));
  throw error;
}

export function itemsOf(answer: TenantResponse): Record<string, unknown>[] {
  const items = isRecord(answer.body) ? answer.body['items'] : undefined;
  return Array.isArray(items) ? items.filter(isRecord) : [];
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** The value at a path of an object from outside; undefined when it is not there. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, key) => (isRecord(inner) ? inner[key] : undefined), value);
}
