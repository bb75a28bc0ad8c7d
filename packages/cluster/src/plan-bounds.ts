import type { TenantSize } from './port.ts';

/** What the containers and objects of one quota may take together. */
export interface Bounds {
  requests: Compute;
  /** `scratchGib`: the disk of its node that a container writes on (`ephemeral-storage`). */
  limits: Compute & { scratchGib: number };
  storageGib: number;
  /** Those that have not ended. */
  pods: number;
  /** Those that have ended too: they stay until somebody deletes them. */
  podsInAll: number;
  services: number;
  claims: number;
  loadBalancers: number;
  nodePorts: number;
}

interface Compute {
  cpuMilli: number;
  memoryMib: number;
}

/** The plan bounds what is requested; limits may be twice that, since not every container peaks at once. */
const limitFactor = 2;

/** A service of type LoadBalancer takes a port of every node for each of its own (Kubernetes, "Service"). */
const portsPerLoadBalancer = 5;

/**
 * What a plan of this size promises to a workspace. The quota of each of its projects says it, and around the whole of a
 * workspace a host holds no less: whoever stays within it is refused nowhere.
 */
export function promisedBy({ cpuMilli, memoryMib, storageGib }: TenantSize): Bounds {
  const cores = Math.ceil(cpuMilli / 1000);
  const pods = 60 + 20 * cores;
  const loadBalancers = Math.min(cores, 10);
  return {
    requests: { cpuMilli, memoryMib },
    limits: {
      cpuMilli: cpuMilli * limitFactor,
      memoryMib: memoryMib * limitFactor,
      scratchGib: 20 + 2 * storageGib,
    },
    storageGib,
    pods,
    podsInAll: 2 * pods,
    services: 20 + 10 * cores,
    claims: 10 + 5 * cores,
    loadBalancers,
    nodePorts: loadBalancers * portsPerLoadBalancer,
  };
}

/** `spec.hard` of a ResourceQuota, as Kubernetes writes it back. */
export function hardOf({ requests, limits, ...rest }: Bounds) {
  return {
    'requests.cpu': cpuText(requests.cpuMilli),
    'limits.cpu': cpuText(limits.cpuMilli),
    'requests.memory': memoryText(requests.memoryMib),
    'limits.memory': memoryText(limits.memoryMib),
    'limits.ephemeral-storage': `${limits.scratchGib}Gi`,
    'requests.storage': `${rest.storageGib}Gi`,
    pods: String(rest.pods),
    'count/pods': String(rest.podsInAll),
    services: String(rest.services),
    persistentvolumeclaims: String(rest.claims),
    'services.loadbalancers': String(rest.loadBalancers),
    'services.nodeports': String(rest.nodePorts),
  };
}

/** Scratch space of a container that says nothing of it: a quota on it would count nothing else. */
export const scratch = { limit: '1Gi', request: '64Mi' } as const;

/** `2`, `500m`. */
function cpuText(milli: number): string {
  const rounded = Math.round(milli);
  return rounded % 1000 === 0 ? String(rounded / 1000) : `${rounded}m`;
}

/** `4Gi`, `512Mi`. */
function memoryText(mib: number): string {
  const rounded = Math.ceil(mib);
  return rounded % 1024 === 0 ? `${rounded / 1024}Gi` : `${rounded}Mi`;
}
