import { createHash } from 'node:crypto';
import type { ApiClient } from '../api/client.ts';
import { kubeTime } from '../api/registry/object.ts';
import type { KubeObject } from '../types.ts';

export interface EventRecord {
  about: KubeObject;
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
  component: string;
  nowMs: number;
}

/** Writes a `v1.Event`; the same event about the same object counts up instead (client-go's event correlator). */
export async function recordEvent(client: ApiClient, event: EventRecord): Promise<void> {
  const { about, nowMs } = event;
  const namespace = about.metadata.namespace ?? 'default';
  const ref = { namespace, name: eventName(event) };
  const lastTimestamp = kubeTime(nowMs);
  const counted = await client.update<KubeObject>('/events', ref, (known) => {
    known['count'] = Number(known['count'] ?? 1) + 1;
    known['lastTimestamp'] = lastTimestamp;
  });
  if (counted) return;
  await client.create('/events', {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: ref.name, namespace },
    involvedObject: {
      apiVersion: about.apiVersion,
      kind: about.kind,
      name: about.metadata.name,
      ...(about.metadata.namespace && { namespace: about.metadata.namespace }),
      uid: about.metadata.uid,
      resourceVersion: about.metadata.resourceVersion,
    },
    type: event.type,
    reason: event.reason,
    message: event.message,
    source: { component: event.component },
    reportingComponent: event.component,
    reportingInstance: '',
    firstTimestamp: lastTimestamp,
    lastTimestamp,
    count: 1,
  });
}

/** Equal for equal events, so that repeats find the first one. */
function eventName({ about, type, reason, message, component }: EventRecord): string {
  const identity = [about.metadata.uid, type, reason, message, component].join('\n');
  return `${about.metadata.name.slice(0, 200)}.${createHash('sha256').update(identity).digest('hex').slice(0, 16)}`;
}
