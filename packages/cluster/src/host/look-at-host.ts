import type { ConditionInput } from '@hexabase/kernel/conditions.ts';
import type { HostNetworks } from '../drivers/vcluster/objects/network-policies.ts';
import type { TenantClient } from '../port.ts';
import { checkIdentity } from './check-identity.ts';
import { checkNodes } from './check-nodes.ts';
import { checkPodAddresses } from './check-pod-addresses.ts';
import { checkRights } from './check-rights.ts';
import { checkMetrics, checkNetworkPolicies, checkPolicies, checkStorage } from './check-services.ts';
import { checkVersion } from './check-version.ts';
import {
  optional,
  unsure,
  wordsOf,
  type HostCheck,
  type HostCheckType,
  type HostReport,
  type Look,
} from './host-check.ts';

export interface LookOptions {
  signal: AbortSignal;
  /** Name of the storage class for tenants' state; null takes the host's default. */
  storageClass: string | null;
  /** Which cluster it was when it was added; null when nobody has seen it yet. */
  clusterUid: string | null;
  /** Nothing of the kind when absent. */
  networks?: HostNetworks;
}

const laterChecks: readonly HostCheckType[] = [
  'VersionSupported',
  'RightsGranted',
  'NodesReady',
  'StorageReady',
];

/**
 * Looks at everything on a host cluster that workspaces depend on; changes nothing. What could not be looked at is
 * `Unknown`, also what a slow host did not tell before the signal's time was over. Rejects only with the signal's reason:
 * when somebody stops the look, or when not even the version came in time.
 */
export async function lookAtHost(client: TenantClient, options: LookOptions): Promise<HostReport> {
  const look = { client, signal: options.signal };
  const { checks, version } = await checkVersion(look);
  if (version === null) return nothingElse(checks, 'the API does not answer');
  const { check: identity, clusterUid } = await inTime(checkIdentity(look, options.clusterUid), look, {
    check: late('SameCluster'),
    clusterUid: null,
  });
  checks.push(identity);
  if (identity.status === 'False') return nothingElse(checks, 'it is another cluster');
  const [rights, seen, storage, metrics, policies] = await Promise.all([
    checkRights(look),
    inTime(checkNodes(look), look, { check: late('NodesReady'), size: null, nodes: [] }),
    inTime(checkStorage(look, options.storageClass), look, {
      check: late('StorageReady'),
      storageClass: null,
    }),
    inTime(checkMetrics(look), look, optional(late('MetricsServed'))),
    inTime(checkPolicies(look), look, [optional(late('PoliciesServed'))]),
  ]);
  const { nodes } = seen;
  const { networks = { internal: [], senders: [] } } = options;
  const network = await Promise.all([
    inTime(checkNetworkPolicies(look, { version, nodes }), look, optional(late('NetworkPoliciesEnforced'))),
    inTime(checkPodAddresses(look, { nodes, networks }), look, optional(late('PodAddressesClosed'))),
  ]);
  return {
    clusterUid,
    kubernetesVersion: version,
    checks: [...checks, rights, seen.check, storage.check, ...policies, metrics, ...network],
    observed: seen.size && { kubernetesVersion: version, ...seen.size, storageClass: storage.storageClass },
  };
}

/** A look that was stopped ends; one whose time is over goes on without what is missing. */
async function inTime<T>(check: Promise<T>, { signal }: Look, otherwise: T): Promise<T> {
  try {
    return await check;
  } catch (error) {
    const isLate =
      signal.aborted && signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError';
    if (!isLate) throw error;
    return otherwise;
  }
}

function late(type: HostCheckType): HostCheck {
  return unsure(type, { reason: 'TooSlow', message: 'The host did not answer in time' });
}

/** The summary: what is required and missing comes before what nobody could look at. */
export function readiness(checks: readonly HostCheck[]): ConditionInput {
  const required = checks.filter((check) => check.required);
  const worst =
    required.find((check) => check.status === 'False') ??
    required.find((check) => check.status === 'Unknown');
  if (!worst)
    return { type: 'Ready', status: 'True', reason: 'AllChecksPassed', message: 'It takes workspaces' };
  const { status, reason } = worst;
  return { type: 'Ready', status, reason, message: wordsOf(worst) };
}

function nothingElse(done: readonly HostCheck[], why: string): HostReport {
  const others = laterChecks
    .filter((type) => done.every((check) => check.type !== type))
    .map((type) => unsure(type, { reason: 'NotLookedAt', message: `Could not be looked at: ${why}` }));
  return { checks: [...done, ...others], kubernetesVersion: null, observed: null, clusterUid: null };
}
