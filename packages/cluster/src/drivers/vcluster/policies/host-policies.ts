import { clusterPolicies } from './cluster-policies.ts';
import { copiedPolicies } from './copied-policies.ts';
import { fencePolicies } from './fence-policies.ts';
import type { HostPolicy } from './host-policy.ts';
import { namespacePolicies } from './namespace-policies.ts';
import { nodePolicies } from './node-policies.ts';
import { podPolicies } from './pod-policies.ts';
import { rightPolicies } from './right-policies.ts';
import { trafficPolicies } from './traffic-policies.ts';

/** Every rule that we have for a host cluster. */
export const hostPolicies: readonly HostPolicy[] = [
  ...fencePolicies,
  ...namespacePolicies,
  ...podPolicies,
  ...nodePolicies,
  ...trafficPolicies,
  ...copiedPolicies,
  ...rightPolicies,
  ...clusterPolicies,
];

/** Those that touch nothing but our own objects; the driver installs them. */
export const installedPolicies: readonly HostPolicy[] = hostPolicies.filter(
  ({ scope }) => scope === 'workspaces',
);
