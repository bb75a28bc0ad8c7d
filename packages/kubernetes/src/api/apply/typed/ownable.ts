import { isRecord } from '../../registry/object.ts';

const ownableMetadata = [
  'generateName',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'labels',
  'annotations',
  'finalizers',
  'ownerReferences',
];

/** The part of an object that managers can own: without its kind and what the server writes into metadata. */
export function ownable(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { apiVersion: _version, kind: _kind, metadata: given, ...rest } = object;
  const metadata: Record<string, unknown> = {};
  if (isRecord(given)) {
    for (const name of ownableMetadata) if (given[name] !== undefined) metadata[name] = given[name];
  }
  return Object.keys(metadata).length === 0 ? rest : { ...rest, metadata };
}
