import { asJson, items, stringMap, strings, text } from '../../schema/json.ts';
import type { Json } from '../../schema/json.ts';
import { dnsLabel, dnsSubdomain, labelValue, portName, portNumber, qualifiedName } from '../formats.ts';
import { checkFormat } from '../problems.ts';
import type { Problems } from '../problems.ts';

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];

/** Rules of a Service. */
export function checkService(service: Json, problems: Problems): void {
  const spec = asJson(service['spec']);
  const type = text(spec['type']);
  const ports = items(spec['ports']);
  const headless = text(spec['clusterIP']) === 'None';
  if (ports.length === 0 && !headless && type !== 'ExternalName') problems.required('spec.ports');
  if (type === '') problems.required('spec.type');
  else if (!TYPES.includes(type)) problems.notSupported('spec.type', type, TYPES);
  if (headless && (type === 'LoadBalancer' || type === 'NodePort')) {
    problems.invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${type} services`);
  }
  if (type === 'ExternalName') checkExternalName(spec, problems);
  checkPorts(ports, problems);
  for (const [key, value] of Object.entries(stringMap(spec['selector']))) {
    checkFormat('spec.selector', key, { messages: qualifiedName(key), problems });
    checkFormat('spec.selector', value, { messages: labelValue(value), problems });
  }
  checkChoices(spec, problems);
}

/** A cluster IP stays as long as the type needs one. */
export function checkServiceUpdate(service: Json, old: Json, problems: Problems): void {
  const now = asJson(service['spec']);
  const before = asJson(old['spec']);
  const was = text(before['clusterIP']);
  if (now['type'] === 'ExternalName' || before['type'] === 'ExternalName' || was === '') return;
  if (text(now['clusterIP']) !== was)
    problems.invalid('spec.clusterIPs[0]', strings(now['clusterIPs']), 'may not change once set');
}

function checkExternalName(spec: Json, problems: Problems): void {
  if (strings(spec['clusterIPs']).length > 0 || text(spec['clusterIP']) !== '') {
    problems.forbidden('spec.clusterIPs', 'may not be set for ExternalName services');
  }
  const name = text(spec['externalName']);
  if (name === '') problems.required('spec.externalName');
  else checkFormat('spec.externalName', name, { messages: dnsSubdomain(name.replace(/\.$/, '')), problems });
}

function checkChoices(spec: Json, problems: Problems): void {
  const affinity = text(spec['sessionAffinity']);
  if (affinity !== 'None' && affinity !== 'ClientIP')
    problems.notSupported('spec.sessionAffinity', affinity, ['ClientIP', 'None']);
  for (const field of ['internalTrafficPolicy', 'externalTrafficPolicy']) {
    const policy = text(spec[field]);
    if (policy !== '' && policy !== 'Cluster' && policy !== 'Local')
      problems.notSupported(`spec.${field}`, policy, ['Cluster', 'Local']);
  }
}

function checkPorts(ports: Json[], problems: Problems): void {
  const names = new Set<string>();
  const numbers = new Set<string>();
  const nodePorts = new Set<string>();
  ports.forEach((port, index) => {
    const path = `spec.ports[${index}]`;
    const name = text(port['name']);
    const protocol = text(port['protocol']);
    if (name === '' && ports.length > 1) problems.required(`${path}.name`);
    else if (name !== '') {
      checkFormat(`${path}.name`, name, { messages: dnsLabel(name), problems });
      if (names.has(name)) problems.duplicate(`${path}.name`, name);
      names.add(name);
    }
    checkFormat(`${path}.port`, port['port'] ?? 0, { messages: portNumber(port['port']), problems });
    if (!PROTOCOLS.includes(protocol)) problems.notSupported(`${path}.protocol`, protocol, PROTOCOLS);
    const target = port['targetPort'];
    if (target !== undefined)
      checkFormat(`${path}.targetPort`, target, {
        messages: typeof target === 'string' ? portName(target) : portNumber(target),
        problems,
      });
    const key = `${protocol}/${String(port['port'])}`;
    if (numbers.has(key)) problems.duplicate(path, { protocol, port: port['port'] });
    numbers.add(key);
    const nodePort = port['nodePort'] ?? 0;
    if (nodePort !== 0 && nodePorts.has(`${protocol}/${String(nodePort)}`))
      problems.duplicate(`${path}.nodePort`, nodePort);
    nodePorts.add(`${protocol}/${String(nodePort)}`);
  });
}
