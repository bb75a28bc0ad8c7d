import type { KubeObject } from '../../types.ts';

/** Fields that `events.k8s.io/v1` calls by another name than the core Event that is stored. */
const renamed: readonly [core: string, events: string][] = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
  ['reportingComponent', 'reportingController'],
];

/** A core Event as `events.k8s.io/v1` shows it. */
export function eventFromStored(event: KubeObject): KubeObject {
  return rename(event, { apiVersion: 'events.k8s.io/v1', names: new Map(renamed) });
}

/** An `events.k8s.io/v1` Event as it is stored. */
export function eventToStored(event: KubeObject): KubeObject {
  return rename(event, { apiVersion: 'v1', names: new Map(renamed.map(([core, events]) => [events, core])) });
}

function rename(
  event: KubeObject,
  { apiVersion, names }: { apiVersion: string; names: ReadonlyMap<string, string> },
): KubeObject {
  const result: KubeObject = { apiVersion, kind: event.kind, metadata: event.metadata };
  for (const [field, value] of Object.entries(event)) {
    if (field === 'apiVersion' || field === 'kind' || field === 'metadata') continue;
    result[names.get(field) ?? field] = value;
  }
  return result;
}
