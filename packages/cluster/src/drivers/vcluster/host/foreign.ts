import { KubeRefusal } from '../../../kube-api/call-errors.ts';
import type { InventoryItem, TenantClient } from '../../../port.ts';
import { namesOf, ownerSelector } from '../names.ts';
import { fieldOf, metaOf, type Json } from './objects.ts';
import { readAll } from './read.ts';

/** Kinds outside of all namespaces that we may list, and make none of for a workspace but its namespace. */
const kinds = [
  ['v1', 'Namespace'],
  ['v1', 'PersistentVolume'],
  ['storage.k8s.io/v1', 'StorageClass'],
  ['admissionregistration.k8s.io/v1', 'ValidatingAdmissionPolicy'],
  ['admissionregistration.k8s.io/v1', 'ValidatingAdmissionPolicyBinding'],
] as const;

export interface Foreign {
  left: InventoryItem[];
  /** Kinds that could be looked at; a host may not serve some, or not let us. */
  kinds: string[];
}

/** What somebody else has given the labels of this workspace: we may not delete it, and nothing with them is to be left. */
export async function readForeign({
  host,
  workspaceId,
  signal,
}: {
  host: TenantClient;
  workspaceId: string;
  signal: AbortSignal;
}): Promise<Foreign> {
  const labelSelector = ownerSelector(workspaceId);
  const looks = await Promise.all(
    kinds.map(async ([apiVersion, kind]) => {
      const found = await visible(readAll(host, { apiVersion, kind, labelSelector }, signal));
      return { kind, found };
    }),
  );
  return {
    left: looks.flatMap(({ kind, found }) =>
      (found ?? [])
        .filter((object) => !isOurs(kind, object, workspaceId))
        .map((object) => foreignItem(kind, object, workspaceId)),
    ),
    kinds: looks.filter(({ found }) => found !== null).map(({ kind }) => kind),
  };
}

/** In the report of what is left. */
export function foreignItem(kind: string, object: Json, workspaceId: string): InventoryItem {
  return {
    kind: kind.toLowerCase(),
    key: `${workspaceId}/${metaOf(object).name}`,
    why: 'carries our labels and is not ours by its name; take the labels off, or delete it by hand',
  };
}

/** Both are told where they are removed. */
function isOurs(kind: string, object: Json, workspaceId: string): boolean {
  const { namespace } = namesOf(workspaceId);
  if (kind === 'PersistentVolume') return fieldOf(object, 'spec', 'claimRef', 'namespace') === namespace;
  return kind === 'Namespace' && metaOf(object).name === namespace;
}

async function visible(list: Promise<Json[]>): Promise<Json[] | null> {
  try {
    return await list;
  } catch (error) {
    if (error instanceof KubeRefusal && (error.status === 403 || error.status === 404)) return null;
    throw error;
  }
}
