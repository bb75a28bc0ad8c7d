import type { KubeObject } from '../../types.ts';
import { refOf, type Controller } from '../controller.ts';
import { parseTime } from '../shared/times.ts';

/** How long events are kept after they last happened; kube-apiserver's default `--event-ttl`. */
const KEEP_MS = 3_600_000;
const NAME = 'event-expiry';
const ALL = '/';

/** Deletes old events. Nothing is planned while there are none. */
export const eventExpiry: Controller = {
  name: NAME,
  watches: [
    {
      resource: '/events',
      keys: ({ object, deleted }, context) => {
        if (!deleted)
          context.enqueue(NAME, ALL, Math.max(1, lastSeenMs(object) + KEEP_MS - context.clock.now()));
        return [];
      },
    },
  ],
  async reconcile(_key, { client, clock }) {
    const nowMs = clock.now();
    let nextMs = Infinity;
    for (const event of client.store.list('/events').items) {
      const expiresMs = lastSeenMs(event) + KEEP_MS;
      if (expiresMs <= nowMs) await client.delete('/events', refOf(event), { uid: event.metadata.uid });
      else nextMs = Math.min(nextMs, expiresMs);
    }
    return nextMs === Infinity ? undefined : { afterMs: nextMs - nowMs };
  },
};

function lastSeenMs(event: KubeObject): number {
  const series = event['series'];
  const observed =
    typeof series === 'object' && series !== null && 'lastObservedTime' in series
      ? series.lastObservedTime
      : undefined;
  for (const time of [
    observed,
    event['lastTimestamp'],
    event['eventTime'],
    event.metadata.creationTimestamp,
  ]) {
    const ms = typeof time === 'string' ? parseTime(time) : Number.NaN;
    if (!Number.isNaN(ms)) return ms;
  }
  return 0;
}
