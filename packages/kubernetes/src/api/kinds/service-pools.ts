import { randomInt } from 'node:crypto';
import type { ClusterStore } from '../../store/store.ts';
import type { KubeObject } from '../../types.ts';
import { StatusError } from '../status-error.ts';
import { arrayAt, numberAt, recordAt, textAt } from '../registry/object.ts';

/** Numbers that Services hold. What is taken stays taken until released or until the Service that has it is deleted. */
export interface Pool<T> {
  covers(value: T): boolean;
  /** False when it is taken. */
  take(value: T): boolean;
  takeAny(): T;
  release(value: T): void;
}

const firstAddress = (10 << 24) | (96 << 16);
const addressCount = 1 << 20;
const firstPort = 30_000;
const portCount = 2768;

interface Pools {
  addresses: Pool<string>;
  ports: Pool<number>;
}

const poolsOf = new WeakMap<ClusterStore, Pools>();

/** Cluster addresses of 10.96.0.0/12. */
export function addressPoolOf(store: ClusterStore): Pool<string> {
  return pools(store).addresses;
}

/** Node ports 30000-32767. */
export function nodePortPoolOf(store: ClusterStore): Pool<number> {
  return pools(store).ports;
}

export function addressesOf(service: KubeObject): string[] {
  const spec = recordAt(service, 'spec');
  const listed = arrayAt(spec, 'clusterIPs').filter(
    (address): address is string => typeof address === 'string',
  );
  const all = listed.length > 0 ? listed : [textAt(spec, 'clusterIP')];
  return all.filter((address) => address !== '' && address !== 'None');
}

export function nodePortsOf(service: KubeObject): number[] {
  const ports = arrayAt(recordAt(service, 'spec'), 'ports').map((port) => numberAt(port, 'nodePort') ?? 0);
  return ports.filter((port) => port !== 0);
}

/** Built from the stored Services when a cluster is first asked, then kept up by its changes. */
function pools(store: ClusterStore): Pools {
  const known = poolsOf.get(store);
  if (known) return known;
  const takenAddresses = new Set<string>();
  const takenPorts = new Set<number>();
  for (const service of store.list('/services').items) {
    for (const address of addressesOf(service)) takenAddresses.add(address);
    for (const port of nodePortsOf(service)) takenPorts.add(port);
  }
  store.subscribe('/services', ({ type, object, previous }) => {
    const keptAddresses = type === 'DELETED' ? [] : addressesOf(object);
    const keptPorts = type === 'DELETED' ? [] : nodePortsOf(object);
    for (const before of [previous, object]) {
      if (!before) continue;
      for (const address of addressesOf(before))
        if (!keptAddresses.includes(address)) takenAddresses.delete(address);
      for (const port of nodePortsOf(before)) if (!keptPorts.includes(port)) takenPorts.delete(port);
    }
    for (const address of keptAddresses) takenAddresses.add(address);
    for (const port of keptPorts) takenPorts.add(port);
  });
  const made: Pools = {
    addresses: poolOver(takenAddresses, { covers: inRange, pick: randomAddress, what: 'IP' }),
    ports: poolOver(takenPorts, {
      covers: (port) => port >= firstPort && port < firstPort + portCount,
      pick: () => firstPort + randomInt(portCount),
      what: 'port',
    }),
  };
  poolsOf.set(store, made);
  return made;
}

interface Range<T> {
  covers(value: T): boolean;
  pick(): T;
  what: string;
}

function poolOver<T>(taken: Set<T>, range: Range<T>): Pool<T> {
  const take = (value: T): boolean => {
    if (taken.has(value)) return false;
    taken.add(value);
    return true;
  };
  return {
    covers: (value) => range.covers(value),
    take,
    takeAny: () => {
      for (let attempt = 0; attempt < 100_000; attempt++) {
        const value = range.pick();
        if (take(value)) return value;
      }
      throw new StatusError(
        500,
        'InternalError',
        `Internal error occurred: failed to allocate a service ${range.what}: range is full`,
      );
    },
    release: (value) => taken.delete(value),
  };
}

function randomAddress(): string {
  // The lowest addresses stay free for those who choose their own, as upstream keeps a low band.
  const number = firstAddress + 256 + randomInt(addressCount - 512);
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.');
}

function inRange(address: string): boolean {
  const parts = address.split('.').map(Number);
  if (parts.length !== 4 || parts.some((part) => !Number.isInteger(part) || part < 0 || part > 255))
    return false;
  const number = parts.reduce((sum, part) => sum * 256 + part, 0);
  return number > firstAddress && number < firstAddress + addressCount - 1;
}
