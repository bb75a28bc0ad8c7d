import type { ClusterStore } from '../../store/store.ts';
import type { KubeObject } from '../../types.ts';
import { invalid } from '../errors.ts';
import { arrayAt, ensureRecord, isRecord, numberAt, recordAt, textAt } from '../registry/object.ts';
import { addressesOf, addressPoolOf, nodePortsOf, nodePortPoolOf } from './service-pools.ts';

const services = { group: '', plural: 'services', kind: 'Service' };

/** Fills type, IP families, cluster IP and node ports of a new Service. Answers how to give the numbers back. */
export function allocateForCreate(store: ClusterStore, service: KubeObject, dryRun: boolean): () => void {
  fillDefaults(service);
  return allocate(store, service, { dryRun });
}

/** Keeps numbers over an update and follows changes of type. */
export function allocateForUpdate(store: ClusterStore, service: KubeObject, old: KubeObject): () => void {
  const spec = ensureRecord(service, 'spec');
  const before = recordAt(old, 'spec') ?? {};
  const wasHeadlessOrExternal = before['type'] === 'ExternalName';
  if (spec['type'] !== 'ExternalName' && !wasHeadlessOrExternal) {
    for (const field of [
      'clusterIP',
      'clusterIPs',
      'ipFamilies',
      'ipFamilyPolicy',
      'internalTrafficPolicy',
    ]) {
      if (spec[field] === undefined && before[field] !== undefined) spec[field] = before[field];
    }
  }
  if (spec['type'] === 'ExternalName' && !wasHeadlessOrExternal) {
    for (const field of [
      'clusterIP',
      'clusterIPs',
      'ipFamilies',
      'ipFamilyPolicy',
      'internalTrafficPolicy',
    ]) {
      if (spec[field] === before[field] || field !== 'clusterIP') delete spec[field];
    }
  }
  keepNodePorts(spec, before);
  if (spec['type'] === 'ClusterIP' && before['type'] !== 'ClusterIP') dropNodePorts(spec, before);
  fillDefaults(service);
  return allocate(store, service, {
    dryRun: false,
    own: { addresses: addressesOf(old), ports: nodePortsOf(old) },
  });
}

function fillDefaults(service: KubeObject): void {
  const spec = ensureRecord(service, 'spec');
  spec['type'] ??= 'ClusterIP';
  spec['sessionAffinity'] ??= 'None';
  if (spec['type'] === 'ExternalName') return;
  spec['internalTrafficPolicy'] ??= 'Cluster';
  spec['ipFamilies'] ??= ['IPv4'];
  spec['ipFamilyPolicy'] ??= 'SingleStack';
  if (spec['type'] === 'NodePort' || spec['type'] === 'LoadBalancer')
    spec['externalTrafficPolicy'] ??= 'Cluster';
  if (spec['type'] === 'LoadBalancer') spec['allocateLoadBalancerNodePorts'] ??= true;
}

interface Allocation {
  dryRun: boolean;
  own?: { addresses: string[]; ports: number[] };
}

function allocate(store: ClusterStore, service: KubeObject, { dryRun, own }: Allocation): () => void {
  const undo: (() => void)[] = [];
  const giveBack = (): void => {
    for (const step of undo) step();
  };
  try {
    allocateAddress({ store, service, undo }, own?.addresses ?? []);
    allocatePorts({ store, service, undo }, own?.ports ?? []);
  } catch (error) {
    giveBack();
    throw error;
  }
  if (dryRun) giveBack();
  return giveBack;
}

interface Taking {
  store: ClusterStore;
  service: KubeObject;
  /** What gives everything back that was taken. */
  undo: (() => void)[];
}

function allocateAddress({ store, service, undo }: Taking, own: string[]): void {
  const spec = ensureRecord(service, 'spec');
  if (spec['type'] === 'ExternalName') return;
  const asked = textAt(spec, 'clusterIP') || String(arrayAt(spec, 'clusterIPs')[0] ?? '');
  if (asked === 'None') {
    spec['clusterIP'] = 'None';
    spec['clusterIPs'] = ['None'];
    return;
  }
  const pool = addressPoolOf(store);
  let address = asked;
  if (address === '') address = pool.takeAny();
  else if (!own.includes(address)) {
    if (!pool.covers(address))
      throw addressProblem(
        service,
        address,
        'the provided IP (%s) is not in the valid range. The range of valid IPs is 10.96.0.0/12',
      );
    if (!pool.take(address))
      throw addressProblem(service, address, 'failed to allocate IP %s: provided IP is already allocated');
  }
  if (!own.includes(address)) undo.push(() => pool.release(address));
  spec['clusterIP'] = address;
  spec['clusterIPs'] = [address];
}

function allocatePorts({ store, service, undo }: Taking, own: number[]): void {
  const spec = ensureRecord(service, 'spec');
  const wants =
    spec['type'] === 'NodePort' ||
    (spec['type'] === 'LoadBalancer' && spec['allocateLoadBalancerNodePorts'] !== false);
  const pool = nodePortPoolOf(store);
  arrayAt(spec, 'ports').forEach((port, index) => {
    if (!isRecord(port)) return;
    const asked = numberAt(port, 'nodePort') ?? 0;
    if (asked === 0 && !wants) return;
    if (asked !== 0 && own.includes(asked)) return;
    if (asked !== 0 && !pool.covers(asked))
      throw portProblem(
        { service, index, port: asked },
        'provided port is not in the valid range. The range of valid ports is 30000-32767',
      );
    if (asked !== 0 && !pool.take(asked))
      throw portProblem({ service, index, port: asked }, 'provided port is already allocated');
    const taken = asked === 0 ? pool.takeAny() : asked;
    port['nodePort'] = taken;
    undo.push(() => pool.release(taken));
  });
}

/** Ports that the new spec names without a node port keep the one that they had. */
function keepNodePorts(spec: Record<string, unknown>, before: Record<string, unknown>): void {
  if (spec['type'] === 'ClusterIP' || spec['type'] === 'ExternalName') return;
  for (const port of arrayAt(spec, 'ports')) {
    if (!isRecord(port) || (numberAt(port, 'nodePort') ?? 0) !== 0) continue;
    const match = arrayAt(before, 'ports').find(
      (old) => isRecord(old) && old['port'] === port['port'] && old['protocol'] === port['protocol'],
    );
    if (isRecord(match) && match['nodePort'] !== undefined) port['nodePort'] = match['nodePort'];
  }
}

function dropNodePorts(spec: Record<string, unknown>, before: Record<string, unknown>): void {
  const had = arrayAt(before, 'ports').map((port) => numberAt(port, 'nodePort') ?? 0);
  for (const port of arrayAt(spec, 'ports')) {
    if (isRecord(port) && had.includes(numberAt(port, 'nodePort') ?? 0)) delete port['nodePort'];
  }
  delete spec['externalTrafficPolicy'];
  delete spec['allocateLoadBalancerNodePorts'];
}

function addressProblem(service: KubeObject, address: string, text: string): Error {
  return invalid(services, service.metadata.name, [
    {
      reason: 'FieldValueInvalid',
      message: `Invalid value: ["${address}"]: ${text.replace('%s', address)}`,
      field: 'spec.clusterIPs',
    },
  ]);
}

function portProblem(
  { service, index, port }: { service: KubeObject; index: number; port: number },
  text: string,
): Error {
  return invalid(services, service.metadata.name, [
    {
      reason: 'FieldValueInvalid',
      message: `Invalid value: ${port}: ${text}`,
      field: `spec.ports[${index}].nodePort`,
    },
  ]);
}
