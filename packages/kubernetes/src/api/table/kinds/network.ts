import type { KubeObject } from '../../../types.ts';
import { formatLabelSelector, type LabelSelector } from '../../select/label-selector.ts';
import { arrayAt, numberAt, recordAt, textAt } from '../../registry/object.ts';
import {
  ageColumn,
  nameColumn,
  none,
  orNone,
  specOf,
  statusOf,
  unset,
  wide,
  type Column,
} from '../column.ts';
import { formatLabels } from './workloads.ts';

export const serviceColumns: readonly Column[] = [
  nameColumn,
  { name: 'Type', cell: (service) => textAt(specOf(service), 'type') },
  { name: 'Cluster-IP', cell: (service) => orNone(specOf(service)['clusterIP']) },
  { name: 'External-IP', cell: externalAddress },
  { name: 'Port(s)', cell: servicePorts },
  ageColumn,
  wide({ name: 'Selector', cell: (service) => formatLabels(recordAt(specOf(service), 'selector')) }),
];

function externalAddress(service: KubeObject): string {
  const spec = specOf(service);
  const external = arrayAt(spec, 'externalIPs').map(String);
  switch (textAt(spec, 'type')) {
    case 'ExternalName':
      return textAt(spec, 'externalName');
    case 'LoadBalancer': {
      const balancer = balancerAddresses(statusOf(service));
      const all = [...balancer, ...external];
      return all.length > 0 ? all.join(',') : '<pending>';
    }
    default:
      return external.length > 0 ? external.join(',') : none;
  }
}

function balancerAddresses(status: Record<string, unknown>): string[] {
  const entries = arrayAt(recordAt(status, 'loadBalancer'), 'ingress');
  return entries
    .map((entry) => textAt(entry, 'ip') || textAt(entry, 'hostname'))
    .filter((address) => address !== '');
}

function servicePorts(service: KubeObject): string {
  const ports = arrayAt(specOf(service), 'ports').map((port) => {
    const nodePort = numberAt(port, 'nodePort') ?? 0;
    const node = nodePort === 0 ? '' : `:${nodePort}`;
    return `${numberAt(port, 'port') ?? 0}${node}/${textAt(port, 'protocol')}`;
  });
  return ports.length === 0 ? none : ports.join(',');
}

const shownEndpoints = 3;

export const endpointsColumns: readonly Column[] = [
  nameColumn,
  { name: 'Endpoints', cell: endpointsText },
  ageColumn,
];

function endpointsText(object: KubeObject): string {
  const all = arrayAt(object, 'subsets').flatMap((subset) => {
    const addresses = arrayAt(subset, 'addresses').map((address) => textAt(address, 'ip'));
    const ports = arrayAt(subset, 'ports').map((port) => numberAt(port, 'port') ?? 0);
    if (ports.length === 0) return addresses;
    return ports.flatMap((port) => addresses.map((address) => `${address}:${port}`));
  });
  if (all.length === 0) return none;
  const shown = all.slice(0, shownEndpoints).join(',');
  return all.length > shownEndpoints ? `${shown} + ${all.length - shownEndpoints} more...` : shown;
}

export const endpointSliceColumns: readonly Column[] = [
  nameColumn,
  { name: 'AddressType', cell: (slice) => textAt(slice, 'addressType') },
  { name: 'Ports', cell: (slice) => limited(arrayAt(slice, 'ports').map(slicePort), unset) },
  {
    name: 'Endpoints',
    cell: (slice) =>
      limited(
        arrayAt(slice, 'endpoints').flatMap((endpoint) => arrayAt(endpoint, 'addresses').map(String)),
        unset,
      ),
  },
  ageColumn,
];

function slicePort(port: unknown): string {
  const number = numberAt(port, 'port');
  return number === undefined ? textAt(port, 'name') || '*' : String(number);
}

function limited(values: string[], empty: string): string {
  if (values.length === 0) return empty;
  const shown = values.slice(0, shownEndpoints).join(',');
  return values.length > shownEndpoints ? `${shown} + ${values.length - shownEndpoints} more...` : shown;
}

export const ingressColumns: readonly Column[] = [
  nameColumn,
  {
    name: 'Class',
    cell: (ingress) =>
      textAt(specOf(ingress), 'ingressClassName') ||
      ingress.metadata.annotations?.['kubernetes.io/ingress.class'] ||
      none,
  },
  { name: 'Hosts', cell: ingressHosts },
  { name: 'Address', cell: (ingress) => balancerAddresses(statusOf(ingress)).join(',') },
  { name: 'Ports', cell: (ingress) => (arrayAt(specOf(ingress), 'tls').length > 0 ? '80, 443' : '80') },
  ageColumn,
];

function ingressHosts(ingress: KubeObject): string {
  const hosts = arrayAt(specOf(ingress), 'rules')
    .map((rule) => textAt(rule, 'host'))
    .filter((host) => host !== '');
  if (hosts.length === 0) return '*';
  const shown = hosts.slice(0, shownEndpoints).join(',');
  return hosts.length > shownEndpoints ? `${shown} + ${hosts.length - shownEndpoints} more...` : shown;
}

export const ingressClassColumns: readonly Column[] = [
  nameColumn,
  { name: 'Controller', cell: (object) => textAt(specOf(object), 'controller') },
  {
    name: 'Parameters',
    cell: (object) => {
      const parameters = recordAt(specOf(object), 'parameters');
      if (!parameters) return none;
      const group = textAt(parameters, 'apiGroup');
      return `${textAt(parameters, 'kind')}${group && `.${group}`}/${textAt(parameters, 'name')}`;
    },
  },
  ageColumn,
];

export const networkPolicyColumns: readonly Column[] = [
  nameColumn,
  {
    name: 'Pod-Selector',
    cell: (policy) => {
      const selector: LabelSelector | undefined = recordAt(specOf(policy), 'podSelector');
      return formatLabelSelector(selector);
    },
  },
  ageColumn,
];
