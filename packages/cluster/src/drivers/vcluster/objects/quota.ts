import type { ApplicableObject } from '../../../kube-api/apply.ts';
import { hardOf, promisedBy, scratch, type Bounds } from '../../../plan-bounds.ts';
import type { TenantSize } from '../../../port.ts';
import { controlPlaneResources, dnsResources, tierOf } from '../chart/values.ts';
import { quantityOf } from './quantity.ts';

/**
 * The wall around everything of a workspace: what its plan promises, and on top of it what it is run by. Quotas of its
 * projects say the same promise, so it is they that refuse whoever uses one project only.
 */
export function resourceQuota(size: TenantSize, stateGib: number): ApplicableObject {
  const around = withOwn(promisedBy(size), size, stateGib);
  const cores = Math.ceil(size.cpuMilli / 1000);
  return {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'hexabase' },
    spec: {
      hard: {
        ...hardOf(around),
        // The host writes them for each service; a tenant may, as many as it likes and with a thousand addresses each, into
        // the store that all workspaces share.
        'count/endpoints': String(2 * around.services),
        'count/endpointslices.discovery.k8s.io': String(4 * around.services),
        // Of the tenant's own only those that its pods use come to the host.
        'count/secrets': String(100 + 50 * cores),
        'count/configmaps': String(100 + 50 * cores),
      },
    },
  };
}

/** With the control plane, its volume, its DNS and their services. */
function withOwn(promised: Bounds, { cpuMilli }: TenantSize, stateGib: number): Bounds {
  const { requests, limits } = controlPlaneResources[tierOf(cpuMilli)];
  const dns = dnsResources;
  const plus = (of: { cpuMilli: number; memoryMib: number }, own: { cpu: string; memory: string }[]) => ({
    cpuMilli: own.reduce((sum, { cpu }) => sum + quantityOf(cpu) * 1000, of.cpuMilli),
    memoryMib: own.reduce((sum, { memory }) => sum + quantityOf(memory) / 2 ** 20, of.memoryMib),
  });
  const ownScratchGib = quantityOf(limits['ephemeral-storage']) / 2 ** 30 + dnsScratchGib;
  return {
    ...promised,
    requests: plus(promised.requests, [requests, dns.requests]),
    limits: {
      ...plus(promised.limits, [limits, dns.limits]),
      scratchGib: promised.limits.scratchGib + ownScratchGib,
    },
    storageGib: promised.storageGib + stateGib,
    pods: promised.pods + ownPods,
    podsInAll: promised.podsInAll + ownPods + endedPods,
    services: promised.services + ownServices,
    claims: promised.claims + 1,
  };
}

/** Its DNS says nothing of scratch space, so each of its pods gets what `limitRange` gives; there are two while it rolls out. */
const dnsScratchGib = 2;
/** The control plane, and its DNS twice while it rolls out. */
const ownPods = 3;
/** Of the control plane and the DNS, that nodes put out: they stay where they are for a while. */
const endedPods = 7;
/** The control plane's two and the DNS's; the rest is room for what a later line of the chart brings. */
const ownServices = 5;

/**
 * For containers that no limits inside the workspace have reached, as in namespaces that are no projects: a quota refuses
 * them otherwise. Wider than those of projects, since who requests more than the default limit is refused by the host, in
 * an event of the pod only.
 */
export function limitRange(): ApplicableObject {
  return {
    apiVersion: 'v1',
    kind: 'LimitRange',
    metadata: { name: 'hexabase' },
    spec: {
      limits: [
        {
          type: 'Container',
          default: { cpu: '500m', memory: '512Mi', 'ephemeral-storage': scratch.limit },
          defaultRequest: { cpu: '50m', memory: '128Mi', 'ephemeral-storage': scratch.request },
        },
      ],
    },
  };
}
