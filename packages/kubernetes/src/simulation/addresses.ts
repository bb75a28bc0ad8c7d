import type { Pod } from '../objects.ts';
import type { Change, Context } from '../controllers/controller.ts';
import { isFinished, isPod } from '../controllers/shared/pod-state.ts';

/** Pod addresses of one cluster, 10.244.0.1 to 10.244.255.254, each given to one live pod. */
export interface Addresses {
  note(change: Change): void;
  take(pod: Pod): string;
}

const pools = new WeakMap<Context, Addresses>();

export function addressesOf(context: Context): Addresses {
  let pool = pools.get(context);
  if (!pool) {
    pool = createAddresses();
    pools.set(context, pool);
  }
  return pool;
}

const SIZE = 256 * 254;

export function createAddresses(): Addresses {
  const byPod = new Map<string, string>();
  const used = new Set<string>();
  let last = 0;
  return {
    note({ object, deleted }) {
      if (!isPod(object)) return;
      const { uid } = object.metadata;
      const held = byPod.get(uid);
      if (deleted || isFinished(object)) {
        if (held !== undefined && byPod.delete(uid)) used.delete(held);
      } else if (held === undefined && object.status?.podIP && !object.spec.hostNetwork) {
        byPod.set(uid, object.status.podIP);
        used.add(object.status.podIP);
      }
    },
    take(pod) {
      const held = byPod.get(pod.metadata.uid);
      if (held !== undefined) return held;
      for (let tries = 0; tries < SIZE; tries++) {
        last = (last % SIZE) + 1;
        const address = `10.244.${Math.floor((last - 1) / 254)}.${((last - 1) % 254) + 1}`;
        if (used.has(address)) continue;
        used.add(address);
        byPod.set(pod.metadata.uid, address);
        return address;
      }
      throw new Error('no pod address is free');
    },
  };
}
