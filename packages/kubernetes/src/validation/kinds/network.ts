import { isIP } from 'node:net';
import { asJson, isJson, items, strings, text } from '../../schema/json.ts';
import type { Json } from '../../schema/json.ts';
import { dns1035Label, dnsSubdomain, portName, portNumber, wildcardSubdomain } from '../formats.ts';
import { checkFormat } from '../problems.ts';
import type { Problems } from '../problems.ts';
import { checkLabelSelector } from '../selector.ts';

const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix'];
const BAD_PATH_PARTS = ['//', '/./', '/../', '%2f', '%2F'];

/** Rules of an Ingress. */
export function checkIngress(ingress: Json, problems: Problems): void {
  const spec = asJson(ingress['spec']);
  const rules = items(spec['rules']);
  if (rules.length === 0 && !isJson(spec['defaultBackend'])) {
    problems.invalid('spec', rules, 'either `defaultBackend` or `rules` must be specified');
  }
  if (isJson(spec['defaultBackend'])) checkBackend(spec['defaultBackend'], 'spec.defaultBackend', problems);
  const className = text(spec['ingressClassName']);
  if (className !== '')
    checkFormat('spec.ingressClassName', className, { messages: dnsSubdomain(className), problems });
  rules.forEach((rule, index) => checkRule(rule, `spec.rules[${index}]`, problems));
  items(spec['tls']).forEach((tls, index) => {
    strings(tls['hosts']).forEach((host, at) =>
      checkFormat(`spec.tls[${index}].hosts[${at}]`, host, { messages: hostFormat(host), problems }),
    );
  });
}

function checkRule(rule: Json, path: string, problems: Problems): void {
  const host = text(rule['host']);
  if (host !== '') {
    if (isIP(host) !== 0) problems.invalid(`${path}.host`, host, 'must be a DNS name, not an IP address');
    else checkFormat(`${path}.host`, host, { messages: hostFormat(host), problems });
  }
  if (!isJson(rule['http'])) return;
  const paths = items(rule['http']['paths']);
  if (paths.length === 0) problems.required(`${path}.http.paths`);
  paths.forEach((item, index) => checkPath(item, `${path}.http.paths[${index}]`, problems));
}

function hostFormat(host: string): string[] {
  return host.includes('*') ? wildcardSubdomain(host) : dnsSubdomain(host);
}

function checkPath(item: Json, path: string, problems: Problems): void {
  const type = text(item['pathType']);
  const value = text(item['path']);
  if (type === '') problems.required(`${path}.pathType`, 'pathType must be specified');
  else if (!PATH_TYPES.includes(type)) problems.notSupported(`${path}.pathType`, type, PATH_TYPES);
  else if (type !== 'ImplementationSpecific') {
    if (!value.startsWith('/')) problems.invalid(`${path}.path`, value, 'must be an absolute path');
    for (const bad of BAD_PATH_PARTS)
      if (value.includes(bad)) problems.invalid(`${path}.path`, value, `must not contain '${bad}'`);
    for (const bad of ['/..', '/.'])
      if (value.endsWith(bad)) problems.invalid(`${path}.path`, value, `cannot end with '${bad}'`);
  } else if (value !== '' && !value.startsWith('/'))
    problems.invalid(`${path}.path`, value, 'must be an absolute path');
  checkBackend(asJson(item['backend']), `${path}.backend`, problems);
}

function checkBackend(backend: Json, path: string, problems: Problems): void {
  const service = backend['service'];
  const resource = backend['resource'];
  if (isJson(service) && isJson(resource))
    problems.invalid(path, '', 'cannot set both resource and service backends');
  else if (isJson(service)) checkServiceBackend(service, path, problems);
  else if (!isJson(resource)) problems.invalid(path, '', 'resource or service backend is required');
}

function checkServiceBackend(service: Json, path: string, problems: Problems): void {
  const name = text(service['name']);
  if (name === '') problems.required(`${path}.service.name`);
  else checkFormat(`${path}.service.name`, name, { messages: dns1035Label(name), problems });
  const port = asJson(service['port']);
  const portText = text(port['name']);
  const number = port['number'] ?? 0;
  if (portText !== '' && number !== 0) problems.invalid(path, '', 'cannot set both port name & port number');
  else if (portText !== '')
    checkFormat(`${path}.service.port.name`, portText, { messages: portName(portText), problems });
  else if (number !== 0)
    checkFormat(`${path}.service.port.number`, number, { messages: portNumber(number), problems });
  else problems.required(path, 'port name or number is required');
}

/** Rules of a NetworkPolicy. */
export function checkNetworkPolicy(policy: Json, problems: Problems): void {
  const spec = asJson(policy['spec']);
  checkLabelSelector(spec['podSelector'], 'spec.podSelector', problems);
  for (const [direction, peers] of [
    ['ingress', 'from'],
    ['egress', 'to'],
  ] as const) {
    items(spec[direction]).forEach((rule, index) => {
      const path = `spec.${direction}[${index}]`;
      items(rule['ports']).forEach((port, at) => checkPolicyPort(port, `${path}.ports[${at}]`, problems));
      items(rule[peers]).forEach((peer, at) => checkPeer(peer, `${path}.${peers}[${at}]`, problems));
    });
  }
  strings(spec['policyTypes']).forEach((type, index) => {
    if (type !== 'Ingress' && type !== 'Egress')
      problems.notSupported(`spec.policyTypes[${index}]`, type, ['Ingress', 'Egress']);
  });
}

function checkPolicyPort(port: Json, path: string, problems: Problems): void {
  const protocol = text(port['protocol']);
  if (!['TCP', 'UDP', 'SCTP'].includes(protocol))
    problems.notSupported(`${path}.protocol`, protocol, ['TCP', 'UDP', 'SCTP']);
  const value = port['port'];
  if (value !== undefined)
    checkFormat(`${path}.port`, value, {
      messages: typeof value === 'string' ? portName(value) : portNumber(value),
      problems,
    });
  const end = port['endPort'];
  if (end === undefined) return;
  if (typeof value === 'string')
    problems.invalid(`${path}.endPort`, end, 'may not be specified when `port` is non-numeric');
  else if (value === undefined)
    problems.invalid(`${path}.endPort`, end, 'may not be specified when `port` is not specified');
  else if (Number(end) < Number(value))
    problems.invalid(`${path}.endPort`, value, 'must be greater than or equal to `port`');
}

function checkPeer(peer: Json, path: string, problems: Problems): void {
  const kinds = ['podSelector', 'namespaceSelector', 'ipBlock'].filter((kind) => isJson(peer[kind]));
  if (kinds.length === 0) problems.required(path, 'must specify a peer');
  if (kinds.includes('ipBlock') && kinds.length > 1)
    problems.forbidden(path, 'may not specify both ipBlock and another peer');
  for (const kind of ['podSelector', 'namespaceSelector'])
    checkLabelSelector(peer[kind], `${path}.${kind}`, problems);
  if (!isJson(peer['ipBlock'])) return;
  const cidr = text(peer['ipBlock']['cidr']);
  if (cidr === '') problems.required(`${path}.ipBlock.cidr`);
  else if (!isCidr(cidr))
    problems.invalid(
      `${path}.ipBlock.cidr`,
      cidr,
      'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
    );
}

function isCidr(value: string): boolean {
  const [address = '', bits = ''] = value.split('/');
  const family = isIP(address);
  return family !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
}
