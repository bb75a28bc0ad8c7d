import type { Node, Pod } from '../../objects.ts';
import type { Service, ServicePort, TargetRef } from '../../objects-network.ts';
import type { Context } from '../controller.ts';
import { sameValue } from '../shared/hash.ts';
import { isFinished, isReady } from '../shared/pod-state.ts';

/** A pod behind a Service. */
export interface Backend {
  ip: string;
  ready: boolean;
  serving: boolean;
  terminating: boolean;
  nodeName: string | undefined;
  hostname: string | undefined;
  zone: string | undefined;
  targetRef: TargetRef;
}

export interface BackendPort {
  name: string;
  port: number;
  protocol: string;
  appProtocol: string | undefined;
}

/** Backends that share the same resolved ports; named target ports can differ between pods. */
export interface BackendGroup {
  ports: BackendPort[];
  backends: Backend[];
}

/** The pods that a Service selects, as far as they have an address, sorted by name. */
export function backendsOf(context: Context, service: Service): BackendGroup[] {
  const groups: BackendGroup[] = [];
  const { selector, publishNotReadyAddresses = false } = service.spec ?? {};
  if (!selector || Object.keys(selector).length === 0) return groups;
  for (const pod of context.client.list<Pod>('/pods', {
    namespace: service.metadata.namespace ?? '',
    labels: selector,
  })) {
    if (!pod.status?.podIP || isFinished(pod)) continue;
    const ports = (service.spec?.ports ?? []).flatMap((port) => resolvePort(pod, port) ?? []);
    const backend = backendOf(context, pod, { service, publishNotReadyAddresses });
    const group = groups.find((candidate) => sameValue(candidate.ports, ports));
    if (group) group.backends.push(backend);
    else groups.push({ ports, backends: [backend] });
  }
  return groups;
}

function backendOf(
  context: Context,
  pod: Pod,
  options: { service: Service; publishNotReadyAddresses: boolean },
): Backend {
  const { name, namespace = '', uid, deletionTimestamp } = pod.metadata;
  const serving = isReady(pod);
  const terminating = deletionTimestamp !== undefined;
  const node = pod.spec.nodeName ? context.client.get<Node>('/nodes', '', pod.spec.nodeName) : undefined;
  const ownDomain = pod.spec.subdomain !== undefined && pod.spec.subdomain === options.service.metadata.name;
  return {
    ip: pod.status?.podIP ?? '',
    ready: options.publishNotReadyAddresses || (serving && !terminating),
    serving,
    terminating,
    nodeName: pod.spec.nodeName,
    hostname: ownDomain ? pod.spec.hostname : undefined,
    zone: node?.metadata.labels?.['topology.kubernetes.io/zone'],
    targetRef: { kind: 'Pod', namespace, name, uid },
  };
}

function resolvePort(pod: Pod, port: ServicePort): BackendPort | undefined {
  const { targetPort = port.port, protocol = 'TCP' } = port;
  const number = typeof targetPort === 'number' ? targetPort : namedPort(pod, targetPort, protocol);
  return number === undefined
    ? undefined
    : { name: port.name ?? '', port: number, protocol, appProtocol: port.appProtocol };
}

function namedPort(pod: Pod, name: string, protocol: string): number | undefined {
  const ports = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].flatMap(
    (container) => container.ports ?? [],
  );
  return ports.find((port) => port.name === name && (port.protocol ?? 'TCP') === protocol)?.containerPort;
}
