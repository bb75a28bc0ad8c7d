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

/** `spec.hard` of a ResourceQuota, as Kubernetes writes it back: what reads otherwise would be written at each look. */
export function hardOf({ requests, limits, ...rest }: Bounds) {
  return {
    'requests.cpu': cpuText(requests.cpuMilli),
    'limits.cpu': cpuText(limits.cpuMilli),
    'requests.memory': bytesText(requests.memoryMib),
    'limits.memory': bytesText(limits.memoryMib),
    'limits.ephemeral-storage': bytesText(limits.scratchGib * 1024),
    'requests.storage': bytesText(rest.storageGib * 1024),
    pods: countText(rest.pods),
    'count/pods': countText(rest.podsInAll),
    services: countText(rest.services),
    persistentvolumeclaims: countText(rest.claims),
    'services.loadbalancers': countText(rest.loadBalancers),
    'services.nodeports': countText(rest.nodePorts),
  };
}

/** Scratch space of a container that says nothing of it: a quota on it would count nothing else. */
export const scratch = { limit: '1Gi', request: '64Mi' } as const;

/** `2`, `500m`. */
function cpuText(milli: number): string {
  const rounded = Math.round(milli);
  return rounded % 1000 === 0 ? countText(rounded / 1000) : `${rounded}m`;
}

/** `100`; but `1k` for 1000. */
function countText(count: number): string {
  return inLargest(count, { step: 1000, units: ['', 'k', 'M'] });
}

/** `512Mi`, `4Gi`, `2Ti`. */
function bytesText(mib: number): string {
  return inLargest(Math.ceil(mib), { step: 1024, units: ['Mi', 'Gi', 'Ti', 'Pi'] });
}

/** In the largest unit in which it is a whole number (apimachinery, `Quantity.CanonicalizeBytes`). */
function inLargest(value: number, { step, units }: { step: number; units: readonly string[] }): string {
  const [unit = '', ...larger] = units;
  const goesOn = value !== 0 && value % step === 0 && larger.length > 0;
  return goesOn ? inLargest(value / step, { step, units: larger }) : `${value}${unit}`;
}
