import { isIP } from 'node:net';
import type { ApplicableObject } from '../../../kube-api/apply.ts';
import type { MetricsService } from '../host/metrics-service.ts';
import { copiedLabel, dnsLabels, tenantPort } from '../names.ts';

export interface NetworkInput {
  release: string;
  /** Issuer of the tenants' tokens, `https://…/oidc`; the tenant's API server fetches its keys there. */
  issuer: string;
  /** Where its discovery document is, when elsewhere. */
  discoveryUrl: string | undefined;
  /** Namespace of Hexabase on this host; null when it reaches the tenant from outside. */
  controlPlaneNamespace: string | null;
  /** Nothing of the kind when absent. */
  networks?: HostNetworks | undefined;
  /** What serves the host's metrics API; null without one. */
  metrics: MetricsService | null;
  /** On which the host's API servers listen, besides the usual ones. */
  apiPorts: readonly number[];
}

/** What an operator knows of the networks around host clusters and nobody else can. IPv4 ranges, `192.168.7.0/24`. */
export interface HostNetworks {
  /** Public addresses that pods, services and nodes have there: never the internet to a workspace. */
  internal: readonly string[];
  /** Private networks that reach what workspaces offer by a load balancer. */
  senders: readonly string[];
}

/**
 * Neither reachable from workloads nor let in to them: the host's own networks, its nodes, and the metadata services of
 * clouds, some of which lie in ranges that pass for the internet (Azure's at 168.63.129.16, Oracle's in 192.0.0.0/24), as
 * pods of some clouds do (240.0.0.0/4). `hexabase-endpoints` closes the same.
 */
export const privateRanges: readonly string[] = [
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '168.63.129.16/32',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '240.0.0.0/4',
];

const block = (cidr: string) => ({ ipBlock: { cidr } });

function internetOf({ networks }: NetworkInput) {
  const except = [...new Set([...privateRanges, ...(networks?.internal ?? [])])];
  return { ipBlock: { cidr: '0.0.0.0/0', except } };
}

const hostDns = {
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
  podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
};
/** Of the service `kubernetes`, and of API servers: a policy is asked after the service has led on. */
const usualApiPorts: readonly number[] = [443, 6443, 8443];
const tcp = (port: number) => ({ protocol: 'TCP', port });
const udp = (port: number) => ({ protocol: 'UDP', port });

/**
 * Nothing in and nothing out, then what a tenant needs: its control plane talks to the host's API, DNS, metrics and the
 * issuer, and is reached by us; its workloads talk to each other, to their control plane and with the public internet.
 * Takes effect only on a host whose network enforces NetworkPolicy.
 */
export function networkPolicies(input: NetworkInput): ApplicableObject[] {
  const controlPlane = { matchLabels: { app: 'vcluster', release: input.release } };
  const workloads = { matchLabels: { [copiedLabel]: input.release } };
  const internet = internetOf(input);
  const senders = (input.networks?.senders ?? []).map(block);
  return [
    policy('hexabase-default-deny', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] }),
    policy('hexabase-control-plane', {
      podSelector: controlPlane,
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ from: [{ podSelector: workloads }, ...reachedBy(input)], ports: [tcp(tenantPort)] }],
      egress: [
        { to: [hostDns], ports: [udp(53), tcp(53)] },
        // The host's API has no pods that a selector could name.
        { ports: [...new Set([...usualApiPorts, ...input.apiPorts])].map(tcp) },
        ...metricsOpenings(input.metrics),
        { to: [{ podSelector: workloads }] },
        ...issuerOpenings(input),
      ],
    }),
    policy('hexabase-workloads', {
      podSelector: workloads,
      policyTypes: ['Ingress', 'Egress'],
      // Nothing but a service of type LoadBalancer leads from the internet to a pod.
      ingress: [{ from: [{ podSelector: {} }, internet, ...senders] }],
      egress: [{ to: [{ podSelector: {} }] }, { to: [internet] }],
    }),
    policy('hexabase-dns', {
      podSelector: { matchLabels: dnsLabels(input.release) },
      policyTypes: ['Egress'],
      egress: [{ to: [hostDns], ports: [udp(53), tcp(53)] }],
    }),
  ];
}

/** A policy is asked after a service has led on: it is to name where that leads, not the service. */
function metricsOpenings(metrics: MetricsService | null) {
  if (metrics === null) return [];
  const { namespace, pods, addresses } = metrics;
  const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': namespace } };
  return [
    ...(pods === null ? [] : [{ to: [{ namespaceSelector, podSelector: { matchLabels: pods } }] }]),
    ...addresses.map(({ address, port }) => ({ to: [block(hostCidr(address))], ports: [tcp(port)] })),
  ];
}

/** A range of one address. */
function hostCidr(address: string): string {
  return `${address}/${isIP(address) === 6 ? 128 : 32}`;
}

function reachedBy({ controlPlaneNamespace }: NetworkInput) {
  if (controlPlaneNamespace === null) return [];
  const matchLabels = { 'kubernetes.io/metadata.name': controlPlaneNamespace };
  return [{ namespaceSelector: { matchLabels } }];
}

/** Ports that the opening to the host's API does not have already. */
function issuerOpenings({ issuer, discoveryUrl }: NetworkInput) {
  return [issuer, ...(discoveryUrl === undefined ? [] : [discoveryUrl])]
    .map((address) => new URL(address))
    .filter(({ port }) => port !== '' && !usualApiPorts.includes(Number(port)))
    .map(({ hostname, port }) => {
      const address = hostname.replace(/^\[|\]$/g, '');
      return { ...(isIP(address) !== 0 && { to: [block(hostCidr(address))] }), ports: [tcp(Number(port))] };
    });
}

function policy(name: string, spec: Record<string, unknown>): ApplicableObject {
  return { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name }, spec };
}
