import { fieldOf, listOf, metaOf, textOf, type Json } from '../drivers/vcluster/host/objects.ts';
import { KubeRefusal } from '../kube-api/call-errors.ts';
import { pathOf } from '../kube-api/resource-path.ts';
import type { TenantClient } from '../port.ts';
import type { LeftOut, Owner, PackedContent, Tie } from './content.ts';
import { isOwnDoing, isSystemNamespace, verdictOn, type Surroundings } from './left-out.ts';
import { readJson, servedKinds, type Kind } from './kinds.ts';
import { partsPackedBy, type Packing, type Parts } from './parts.ts';
import { rankOf } from './ranks.ts';
import { stripped } from './strip.ts';

/** While somebody writes very much, the chosen revision may be compacted away under the reader. */
const attemptsMax = 3;
/** One object may have 1.5 MB (etcd's default): pages stay below what is taken as one answer. */
const pageSize = 50;

export interface Reading extends Packing {
  client: TenantClient;
  signal: AbortSignal;
}

/**
 * Everything that a tenant holds at one moment and that another one can hold: all kinds are read at the same revision of
 * the store (Kubernetes API concepts, `resourceVersionMatch=Exact`; one store has one count of revisions for all kinds).
 * A page and a part are held in memory at a time, besides what is packed. Changes nothing. Throws `ContentTooLargeError`,
 * `KubeRefusal` and what the client throws.
 */
export async function readContent(reading: Reading): Promise<PackedContent> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await readOnce(reading);
    } catch (error) {
      if (!isTooOld(error) || attempt === attemptsMax) throw error;
    }
  }
}

async function readOnce(reading: Reading): Promise<PackedContent> {
  const { client, signal } = reading;
  const kinds = (await servedKinds(client, signal)).filter((kind) => !isOwnDoing(kind));
  const first = await readJson(client, '/api/v1/namespaces?limit=1', signal);
  const revision = textOf(fieldOf(first, 'metadata', 'resourceVersion'));
  const pages = (kind: Kind) => pagesOf({ client, kind, revision, signal });
  const around = await surroundingsOf(kinds, pages);
  const parts = partsPackedBy(reading);
  const found: Found = { parts, around, ties: [], objects: 0, leftOut: new Map() };
  let rank = 0;
  for (const kind of kinds.toSorted((a, b) => rankOf(a.kind) - rankOf(b.kind))) {
    // No part mixes ranks.
    if (rankOf(kind.kind) !== rank) await parts.close();
    rank = rankOf(kind.kind);
    for await (const page of pages(kind)) await take(found, { kind, kinds, page });
  }
  for (const tie of found.ties) await parts.add('ties', tie);
  await parts.close();
  const leftOut = [...found.leftOut].map(([what, count]): LeftOut => ({ what, count }));
  return { revision, parts: parts.packed, objects: found.objects, leftOut };
}

interface Found {
  parts: Parts;
  around: Surroundings;
  ties: Tie[];
  objects: number;
  leftOut: Map<string, number>;
}

async function take(
  found: Found,
  { kind, kinds, page }: { kind: Kind; kinds: readonly Kind[]; page: readonly Json[] },
): Promise<void> {
  const leave = (what: string) => found.leftOut.set(what, (found.leftOut.get(what) ?? 0) + 1);
  for (const object of page) {
    const verdict = verdictOn(kind, object, found.around);
    if (typeof verdict === 'object') leave(verdict.leftOut);
    if (verdict !== 'copied') continue;
    const copied = stripped(kind, object);
    if (copied === null) {
      leave('bindings that give rights to people or groups');
      continue;
    }
    await found.parts.add('objects', copied);
    found.objects++;
    const tie = tieOf(kind, object, kinds);
    if (tie) found.ties.push(tie);
  }
}

/** Null for what nobody owns. Owners of a kind that is not copied are dropped. */
function tieOf(kind: Kind, object: Json, kinds: readonly Kind[]): Tie | null {
  const { name, namespace } = metaOf(object);
  const owners = listOf(fieldOf(object, 'metadata', 'ownerReferences')).flatMap((reference) => {
    const owner = ownerOf(reference);
    const found = kinds.find((one) => one.apiVersion === owner.apiVersion && one.kind === owner.kind);
    if (!found) return [];
    return [{ ...owner, resource: { plural: found.plural, namespaced: found.namespaced } }];
  });
  if (owners.length === 0) return null;
  return { ...kind, name, ...(kind.namespaced && { namespace }), owners };
}

function ownerOf(reference: Json): Owner {
  const { apiVersion, kind, name, uid: _uid, ...rest } = reference;
  return { apiVersion: textOf(apiVersion), kind: textOf(kind), name: textOf(name), rest };
}

interface PagesOf {
  client: TenantClient;
  kind: Kind;
  revision: string;
  signal: AbortSignal;
}

async function* pagesOf({ client, kind, revision, signal }: PagesOf): AsyncGenerator<Json[]> {
  const path = pathOf(kind.apiVersion, kind, {});
  let query = new URLSearchParams({
    resourceVersion: revision,
    resourceVersionMatch: 'Exact',
    limit: String(pageSize),
  });
  for (;;) {
    const list = await readJson(client, `${path}?${query.toString()}`, signal);
    yield listOf(fieldOf(list, 'items'));
    const next = textOf(fieldOf(list, 'metadata', 'continue'));
    if (next === '') return;
    query = new URLSearchParams({ continue: next, limit: String(pageSize) });
  }
}

/** Read before everything else, and only names are kept of it. */
async function surroundingsOf(
  kinds: readonly Kind[],
  pages: (kind: Kind) => AsyncGenerator<Json[]>,
): Promise<Surroundings> {
  const namespaces = new Set<string>();
  const selecting = new Set<string>();
  for (const kind of kinds.filter(({ apiVersion }) => apiVersion === 'v1')) {
    if (kind.kind !== 'Namespace' && kind.kind !== 'Service') continue;
    for await (const page of pages(kind)) {
      for (const object of page) {
        const { name, namespace, deleting } = metaOf(object);
        if (kind.kind === 'Namespace' && !deleting && !isSystemNamespace(name)) namespaces.add(name);
        const selects = kind.kind === 'Service' && fieldOf(object, 'spec', 'selector') !== undefined;
        if (selects) selecting.add(`${namespace}/${name}`);
      }
    }
  }
  return { namespaces, selecting };
}

/** 410 Gone, or 504 from a server whose store is behind the revision. */
function isTooOld(error: unknown): boolean {
  return error instanceof KubeRefusal && (error.status === 410 || error.status === 504);
}
