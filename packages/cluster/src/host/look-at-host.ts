import type { ConditionInput } from '@hexabase/kernel/conditions.ts';
import type { HostNetworks } from '../drivers/vcluster/objects/network-policies.ts';
import type { TenantClient } from '../port.ts';
import { checkIdentity } from './check-identity.ts';
import { checkNodes } from './check-nodes.ts';
import { checkPodAddresses } from './check-pod-addresses.ts';
import { checkRights } from './check-rights.ts';
import { checkMetrics, checkNetworkPolicies, checkPolicies, checkStorage } from './check-services.ts';
import { checkVersion } from './check-version.ts';
import { unsure, wordsOf, type HostCheck, type HostCheckType, type HostReport } from './host-check.ts';

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
 * `Unknown`. Rejects only with the signal's reason.
 */
export async function lookAtHost(client: TenantClient, options: LookOptions): Promise<HostReport> {
  const look = { client, signal: options.signal };
  const { checks, version } = await checkVersion(look);
  if (version === null) return nothingElse(checks, 'the API does not answer');
  const { check: identity, clusterUid } = await checkIdentity(look, options.clusterUid);
  checks.push(identity);
  if (identity.status === 'False') return nothingElse(checks, 'it is another cluster');
  const [rights, seen, storage, metrics, policies] = await Promise.all([
    checkRights(look),
    checkNodes(look),
    checkStorage(look, options.storageClass),
    checkMetrics(look),
    checkPolicies(look),
  ]);
  const { nodes } = seen;
  const { networks = { internal: [], senders: [] } } = options;
  const network = await Promise.all([
    checkNetworkPolicies(look, { version, nodes }),
    checkPodAddresses(look, { nodes, networks }),
  ]);
  const none = { nodes: 0, cpuMilli: 0, memoryMib: 0, pods: 0 };
  return {
    clusterUid,
    checks: [...checks, rights, seen.check, storage.check, ...policies, metrics, ...network],
    observed:
      seen.size === null && rights.status !== 'True'
        ? null
        : { kubernetesVersion: version, ...(seen.size ?? none), storageClass: storage.storageClass },
  };
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
  return { checks: [...done, ...others], observed: null, clusterUid: null };
}
