import { askedByTenant, matching, type HostPolicy } from './host-policy.ts';

/** CEL: the host's administrator has allowed it by an annotation of the namespace. */
const allowed = (what: string): string =>
  `(has(namespaceObject.metadata.annotations) && '${what}' in namespaceObject.metadata.annotations && namespaceObject.metadata.annotations['${what}'] == 'true')`;

const allowNodePorts = 'hexabase.ai/allow-node-ports';
const ingressDomain = 'hexabase.ai/ingress-domain';

/** Whoever follows the name, as an ingress controller does, may look it up in the search path of its own pod. */
const insideNames = [
  '(^|[.])svc([.]|$)',
  '(^|[.])(local|localhost|internal|default|(kube|hexabase)-[a-z0-9-]*)[.]?$',
  '^[^.]*[.]?$',
  // An address, in whichever way of writing it.
  '(^|[.])(0x[0-9a-f]*|[0-9]+)[.]?$',
];

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
      expression: `!has(object.spec.type) || object.spec.type != 'ExternalName' || !(${insideNames.map((name) => `object.spec.externalName.matches('${name}')`).join(' || ')})`,
      message: 'services of workspaces may not point to names inside the host (ExternalName)',
    },
  ],
};

/** The ranges that the network policies of a workspace close, and what is no address of one host. Zeros may lead. */
const closedRanges = [
  '^0*(0|10|127|22[4-9]|23[0-9]|24[0-9]|25[0-5])[.]',
  '^0*100[.]0*(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])[.]',
  '^0*168[.]0*63[.]0*129[.]0*16$',
  '^0*169[.]0*254[.]',
  '^0*172[.]0*(1[6-9]|2[0-9]|3[01])[.]',
  '^0*192[.]0*168[.]',
  '^0*192[.]0+[.]0+[.]',
  '^0*198[.]0*1[89][.]',
].join('|');

/** CEL: an IPv4 address of the internet. */
const ofInternet = (address: string): string =>
  `(${address}.matches('^[0-9.]+$') && !${address}.matches('${closedRanges}'))`;

/**
 * What a load balancer or a controller of the host is told in a tenant's name, it does past the network policies. The
 * pods that a service selects, the host itself writes down.
 */
const endpoints: HostPolicy = {
  name: 'hexabase-endpoints',
  scope: 'workspaces',
  purpose: 'Endpoints that a tenant writes by hand lead to the internet, never to others on the host.',
  match: [
    ...matching('/v1', [['endpoints', 'Endpoints']], ['CREATE', 'UPDATE']),
    ...matching('discovery.k8s.io/v1', [['endpointslices', 'EndpointSlice']], ['CREATE', 'UPDATE']),
  ],
  inWorkspaces: true,
  conditions: [{ name: 'is-asked-by-a-tenant', expression: askedByTenant }],
  variables: [
    // Lists that are absent are null to some.
    {
      name: 'subsets',
      expression:
        "object.kind == 'Endpoints' && has(object.subsets) && dyn(object.subsets) != null ? dyn(object.subsets) : dyn([])",
    },
    {
      name: 'slices',
      expression:
        "object.kind == 'EndpointSlice' && has(object.endpoints) && dyn(object.endpoints) != null ? dyn(object.endpoints) : dyn([])",
    },
  ],
  validations: [
    {
      // CVE-2021-25740
      expression:
        `variables.subsets.all(subset, (!has(subset.addresses) || subset.addresses.all(address, ${ofInternet('address.ip')}))` +
        ` && (!has(subset.notReadyAddresses) || subset.notReadyAddresses.all(address, ${ofInternet('address.ip')})))`,
      message: 'endpoints of workspaces that are written by hand name addresses of the internet only',
    },
    {
      expression: `variables.slices.all(endpoint, endpoint.addresses.all(address, ${ofInternet('address')}))`,
      message: 'endpoint slices of workspaces that are written by hand name addresses of the internet only',
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
        "!has(object.metadata.annotations) || object.metadata.annotations.all(key, !key.contains('snippet') && !key.matches('^(haproxy-ingress[.]github|ingress[.]kubernetes)[.]io/config-'))",
      message: 'ingresses of workspaces may not put configuration into the ingress controller (snippets)',
    },
  ],
};

export const trafficPolicies: readonly HostPolicy[] = [services, endpoints, ingresses];
