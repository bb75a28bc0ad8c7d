import { matching, type HostPolicy } from './host-policy.ts';

/** CEL: the host's administrator has allowed it by an annotation of the namespace. */
const allowed = (what: string): string =>
  `(has(namespaceObject.metadata.annotations) && '${what}' in namespaceObject.metadata.annotations && namespaceObject.metadata.annotations['${what}'] == 'true')`;

const allowNodePorts = 'hexabase.ai/allow-node-ports';
const ingressDomain = 'hexabase.ai/ingress-domain';

const services: HostPolicy = {
  name: 'hexabase-services',
  scope: 'workspaces',
  purpose: 'Services of workspaces take no addresses or ports of the host, and point to no names inside it.',
  match: matching('/v1', [['services', 'Service']], ['CREATE', 'UPDATE']),
  inWorkspaces: true,
  validations: [
    {
      // CVE-2020-8554: whoever sets it draws the traffic of others to that address.
      expression: '!has(object.spec.externalIPs) || object.spec.externalIPs.size() == 0',
      message: 'services of workspaces may not set externalIPs',
    },
    {
      expression: `!has(object.spec.type) || object.spec.type != 'NodePort' || ${allowed(allowNodePorts)}`,
      message: 'services of workspaces may not take a port of every node (NodePort) on this host',
    },
    {
      // How many load balancers there may be, the quota says.
      expression: "!has(object.spec.loadBalancerIP) || object.spec.loadBalancerIP == ''",
      message: 'services of workspaces may not choose the address of their load balancer (loadBalancerIP)',
    },
    {
      expression:
        "!has(object.spec.type) || object.spec.type != 'ExternalName' || !object.spec.externalName.matches('(^|[.])(svc|local|localhost|internal)[.]?$')",
      message: 'services of workspaces may not point to names inside the host (ExternalName)',
    },
  ],
};

/** Every rule with its host; an ingress without rules serves its default backend to every host. */
const rules = '(has(object.spec.rules) ? object.spec.rules : [])';
const domain = `namespaceObject.metadata.annotations['${ingressDomain}']`;
const hasDomain = `(has(namespaceObject.metadata.annotations) && '${ingressDomain}' in namespaceObject.metadata.annotations)`;

const ingresses: HostPolicy = {
  name: 'hexabase-ingresses',
  scope: 'workspaces',
  purpose: 'Ingresses of workspaces name hosts, and only hosts of their own domain where they have one.',
  match: matching('networking.k8s.io/v1', [['ingresses', 'Ingress']], ['CREATE', 'UPDATE']),
  inWorkspaces: true,
  validations: [
    {
      expression: `!has(object.spec.defaultBackend) && ${rules}.size() > 0 && ${rules}.all(rule, has(rule.host) && rule.host != '')`,
      message: 'ingresses of workspaces name a host in every rule and have no default backend',
    },
    {
      expression: `${rules}.all(rule, !has(rule.host) || !rule.host.contains('*'))`,
      message: 'ingresses of workspaces may not name a wildcard host',
    },
    {
      // A policy sees one object and not the others: hosts are made unique by giving each workspace a domain.
      expression: `!${hasDomain} || ${rules}.all(rule, has(rule.host) && (rule.host == ${domain} || rule.host.endsWith('.' + ${domain})))`,
      message: `ingresses of this workspace name hosts of its own domain (annotation ${ingressDomain} of its namespace)`,
    },
    {
      expression: `!${hasDomain} || !has(object.spec.tls) || object.spec.tls.all(tls, has(tls.hosts) && tls.hosts.all(host, host == ${domain} || host.endsWith('.' + ${domain})))`,
      message: `ingresses of this workspace ask for certificates of its own domain only (annotation ${ingressDomain} of its namespace)`,
    },
    {
      expression:
        "!has(object.metadata.annotations) || object.metadata.annotations.all(key, !key.contains('ingress.kubernetes.io/') || !key.contains('snippet'))",
      message: 'ingresses of workspaces may not put configuration into the ingress controller (snippets)',
    },
  ],
};

export const trafficPolicies: readonly HostPolicy[] = [services, ingresses];
