import { asJson, ensureJson, isJson, items, setDefault } from '../schema/json.ts';
import type { Json } from '../schema/json.ts';

/** Defaults of a NetworkPolicy: a policy always concerns ingress, and egress when it has such rules. */
export function defaultNetworkPolicy(policy: Json): void {
  const spec = ensureJson(policy, 'spec');
  const egress = items(spec['egress']);
  const types = spec['policyTypes'];
  if (!Array.isArray(types) || types.length === 0)
    spec['policyTypes'] = egress.length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
  for (const rule of [...items(spec['ingress']), ...egress]) {
    for (const port of items(rule['ports'])) setDefault(port, 'protocol', 'TCP');
  }
}

/** Defaults of an IngressClass. */
export function defaultIngressClass(ingressClass: Json): void {
  const parameters = asJson(ingressClass['spec'])['parameters'];
  if (isJson(parameters)) setDefault(parameters, 'scope', 'Cluster');
}

/** Defaults of an EndpointSlice. */
export function defaultEndpointSlice(slice: Json): void {
  for (const port of items(slice['ports'])) {
    setDefault(port, 'name', '');
    setDefault(port, 'protocol', 'TCP');
  }
}
