import type { KubeObject } from '../../types.ts';
import { ensureRecord, isRecord, recordAt, textAt } from '../registry/object.ts';
import { compare } from './typed/compare.ts';
import { difference, union, type MaybeFields } from './typed/field-set.ts';
import { fieldsOf } from './typed/fields-of.ts';
import { ownable } from './typed/ownable.ts';
import type { Shape } from './typed/shape.ts';

const annotation = 'kubectl.kubernetes.io/last-applied-configuration';

/** Only this manager, kubectl's default, takes over from client-side apply. */
export const migratingManager = 'kubectl';

/** Fields that client-side apply set and that still have that value: taking them over is no conflict. */
export function appliedClientSide(live: KubeObject, shape: Shape): MaybeFields {
  const text = live.metadata.annotations?.[annotation];
  if (text === undefined) return undefined;
  const last = parseRecord(text);
  if (last?.['apiVersion'] !== live.apiVersion) return undefined;
  const diff = compare(ownable(live), ownable(last), shape) ?? {};
  return difference(fieldsOf(ownable(last), shape), union(diff.added, union(diff.modified, diff.removed)));
}

/** Keeps the annotation of client-side apply in step where there is one, so that the user can go back. */
export function syncLastApplied(
  object: Record<string, unknown>,
  config: Readonly<Record<string, unknown>>,
): void {
  const annotations = recordAt(recordAt(object, 'metadata'), 'annotations');
  if (textAt(annotations, annotation) === '') return;
  const metadata = { ...recordAt(config, 'metadata') };
  const { [annotation]: _last, ...others } = recordAt(metadata, 'annotations') ?? {};
  if (isRecord(metadata['annotations'])) metadata['annotations'] = others;
  const text = `${JSON.stringify({ ...config, metadata })}\n`;
  object['metadata'] = {
    ...ensureRecord(object, 'metadata'),
    annotations: { ...annotations, [annotation]: text },
  };
}

function parseRecord(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
