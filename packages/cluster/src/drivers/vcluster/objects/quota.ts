import type { ApplicableObject } from '../../../kube-api/apply.ts';
import type { TenantSize } from '../../../port.ts';
import { controlPlaneResources, dnsResources, tierOf } from '../chart/values.ts';
import { quantityOf } from './quantity.ts';

/** A service of type LoadBalancer takes a port of every node for each of its own (Kubernetes, "Service"). */
const portsPerLoadBalancer = 5;

/** Everything of the workspace counts here, so what its own control plane takes comes on top of the plan. */
export function resourceQuota(size: TenantSize, stateGib: number): ApplicableObject {
  const { cpuMilli, memoryMib, storageGib } = size;
  const own = controlPlaneResources[tierOf(cpuMilli)];
  const cpu = (kind: 'requests' | 'limits') =>
    milli(cpuMilli + quantityOf(own[kind].cpu) * 1000 + quantityOf(dnsResources[kind].cpu) * 1000);
  const memory = (kind: 'requests' | 'limits') =>
    mebi(memoryMib + toMib(own[kind].memory) + toMib(dnsResources[kind].memory));
  const cores = Math.ceil(cpuMilli / 1000);
  const services = 20 + 10 * cores;
  const loadBalancers = Math.min(cores, 10);
  return {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'hexabase' },
    spec: {
      hard: {
        'requests.cpu': cpu('requests'),
        'limits.cpu': cpu('limits'),
        'requests.memory': memory('requests'),
        'limits.memory': memory('limits'),
        'requests.storage': `${storageGib + stateGib}Gi`,
        // Scratch space of containers; without it one workspace fills a node's disk.
        'limits.ephemeral-storage': `${20 + 2 * storageGib}Gi`,
        'count/pods': String(20 + 20 * cores),
        'count/services': String(services),
        // The host writes them for each service; a tenant may, as many as it likes and with a thousand addresses each, into
        // the store that all workspaces share.
        'count/endpoints': String(2 * services),
        'count/endpointslices.discovery.k8s.io': String(4 * services),
        'count/secrets': String(100 + 50 * cores),
        'count/configmaps': String(100 + 50 * cores),
        'count/persistentvolumeclaims': String(10 + 5 * cores),
        'services.loadbalancers': String(loadBalancers),
        // Load balancers take them. That no service takes one for itself, a policy of the host says.
        'services.nodeports': String(loadBalancers * portsPerLoadBalancer),
      },
    },
  };
}

/** For containers that say nothing of themselves: a quota refuses them otherwise. */
export function limitRange(): ApplicableObject {
  return {
    apiVersion: 'v1',
    kind: 'LimitRange',
    metadata: { name: 'hexabase' },
    spec: {
      limits: [
        {
          type: 'Container',
          default: { cpu: '500m', memory: '512Mi', 'ephemeral-storage': '1Gi' },
          defaultRequest: { cpu: '50m', memory: '128Mi', 'ephemeral-storage': '64Mi' },
        },
      ],
    },
  };
}

function toMib(quantity: string): number {
  return quantityOf(quantity) / (1024 * 1024);
}

/** As Kubernetes writes it back: whole processors without `m`. */
function milli(value: number): string {
  const rounded = Math.round(value);
  return rounded % 1000 === 0 ? String(rounded / 1000) : `${rounded}m`;
}

function mebi(value: number): string {
  const rounded = Math.ceil(value);
  return rounded % 1024 === 0 ? `${rounded / 1024}Gi` : `${rounded}Mi`;
}
