import { asJson, ensureJson, items, setDefault, setDefaultOfZero } from '../schema/json.ts';
import type { Json } from '../schema/json.ts';

/** Three hours: how long a client sticks to its endpoint. */
const AFFINITY_SECONDS = 10_800;

/** Defaults of a Service. Cluster IPs, IP families and node ports are allocated by the registry. */
export function defaultService(service: Json): void {
  const spec = ensureJson(service, 'spec');
  setDefaultOfZero(spec, 'sessionAffinity', 'None');
  if (spec['sessionAffinity'] === 'None') delete spec['sessionAffinityConfig'];
  if (spec['sessionAffinity'] === 'ClientIP') {
    setDefault(
      ensureJson(ensureJson(spec, 'sessionAffinityConfig'), 'clientIP'),
      'timeoutSeconds',
      AFFINITY_SECONDS,
    );
  }
  setDefaultOfZero(spec, 'type', 'ClusterIP');
  for (const port of items(spec['ports'])) {
    setDefaultOfZero(port, 'protocol', 'TCP');
    setDefaultOfZero(port, 'targetPort', port['port']);
  }
  if (isExternallyAccessible(spec)) setDefaultOfZero(spec, 'externalTrafficPolicy', 'Cluster');
  if (spec['type'] !== 'ExternalName') setDefault(spec, 'internalTrafficPolicy', 'Cluster');
  if (spec['type'] !== 'LoadBalancer') return;
  setDefault(spec, 'allocateLoadBalancerNodePorts', true);
  for (const ingress of items(asJson(asJson(service['status'])['loadBalancer'])['ingress'])) {
    if (typeof ingress['ip'] === 'string' && ingress['ip'] !== '') setDefault(ingress, 'ipMode', 'VIP');
  }
}

function isExternallyAccessible(spec: Json): boolean {
  const externalIps = spec['externalIPs'];
  if (spec['type'] === 'LoadBalancer' || spec['type'] === 'NodePort') return true;
  return spec['type'] === 'ClusterIP' && Array.isArray(externalIps) && externalIps.length > 0;
}
