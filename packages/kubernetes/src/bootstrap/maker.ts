import { createHash } from 'node:crypto';
import type { KubeObject, ObjectMeta } from '../types.ts';

/** Makes one base object: its kind, its metadata, and the other fields. */
export type BaseMaker = (
  kind: BaseKind,
  meta: BaseMeta,
  fields?: Readonly<Record<string, unknown>>,
) => KubeObject;

/** `Kind` of the core group or `group/Kind`; all are at version v1. */
export type BaseKind = string;

export type BaseMeta = Pick<ObjectMeta, 'name'> &
  Partial<Pick<ObjectMeta, 'namespace' | 'labels' | 'annotations' | 'generation'>>;

/** A maker that stamps every object with the given time, revision 1 and a uid that follows from kind and name. */
export function baseMaker(creationTimestamp: string): BaseMaker {
  return (groupKind, meta, fields = {}) => {
    const [kind = '', group = ''] = groupKind.split('/').reverse();
    const { name, namespace, ...rest } = meta;
    return {
      apiVersion: group === '' ? 'v1' : `${group}/v1`,
      kind,
      metadata: {
        name,
        ...(namespace !== undefined && { namespace }),
        uid: uidOf(`${group}/${kind}/${namespace ?? ''}/${name}`),
        resourceVersion: '1',
        creationTimestamp,
        ...rest,
      },
      ...fields,
    };
  };
}

/** A version 8 UUID (RFC 9562: vendor-specific bits) out of a hash. */
function uidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
