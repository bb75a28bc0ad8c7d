import { applyDefaults } from '../defaults/apply.ts';
import { resourceOfObject } from '../schema/catalog.ts';
import { prune } from '../schema/prune.ts';
import type { KubeObject } from '../types.ts';
import { validateCreate, validateUpdate } from './validate.ts';

export const pod = (spec: object = {}) => ({ containers: [{ name: 'c', image: 'nginx' }], ...spec });
export const container = (fields: object) => pod({ containers: [{ name: 'c', image: 'nginx', ...fields }] });
export const deployment = (spec: object = {}) => ({
  selector: { matchLabels: { app: 'a' } },
  template: { metadata: { labels: { app: 'a' } }, spec: pod() },
  ...spec,
});

/** Builds an object as the registry hands it over: pruned, with defaults. */
function object(kind: string, apiVersion: string, fields: Record<string, unknown>): KubeObject {
  const base = {
    apiVersion,
    kind,
    ...fields,
    metadata: { name: 'web', ...namespaceOf(kind), ...Object(fields['metadata']) },
  };
  const pruned = prune(base);
  applyDefaults(pruned);
  return { ...pruned, metadata: { uid: '', resourceVersion: '', creationTimestamp: '', ...pruned.metadata } };
}

function namespaceOf(kind: string): { namespace?: string } {
  return /^(Cluster|Namespace|Node|PersistentVolume$|StorageClass|PriorityClass)/.test(kind)
    ? {}
    : { namespace: 'default' };
}

export function created(kind: string, apiVersion: string, fields: Record<string, unknown>): string[] {
  const made = object(kind, apiVersion, fields);
  const info = resourceOfObject(made);
  if (!info) throw new Error(`${kind} is not served`);
  return validateCreate(info, made).map(({ field, message }) => `${field ?? ''}: ${message}`);
}

export function updated(
  kind: string,
  apiVersion: string,
  change: { from: Record<string, unknown>; to: Record<string, unknown> },
): string[] {
  const made = object(kind, apiVersion, change.to);
  const info = resourceOfObject(made);
  if (!info) throw new Error(`${kind} is not served`);
  return validateUpdate(info, made, object(kind, apiVersion, change.from)).map(
    ({ field, message }) => `${field ?? ''}: ${message}`,
  );
}
