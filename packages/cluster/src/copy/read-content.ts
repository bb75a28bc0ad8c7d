import { fieldOf, listOf, metaOf, textOf, type Json } from '../drivers/vcluster/host/objects.ts';
import { KubeRefusal } from '../kube-api/call-errors.ts';
import { pathOf } from '../kube-api/resource-path.ts';
import type { TenantClient } from '../port.ts';
import { ContentTooLargeError, type CopiedObject, type LeftOut, type TenantContent } from './content.ts';
import { isOwnDoing, isSystemNamespace, verdictOn, type Surroundings } from './left-out.ts';
import { readJson, servedKinds, type Kind } from './kinds.ts';
import { stripped } from './strip.ts';

/** While somebody writes very much, the chosen revision may be compacted away under the reader. */
const attemptsMax = 3;
/** One object may have 1.5 MB (etcd's default): pages stay below what is taken as one answer. */
const pageSize = 50;
const readBytesMax = 200_000_000;

/**
 * Everything that a tenant holds at one moment and that another one can hold: all kinds are read at the same revision of
 * the store (Kubernetes API concepts, `resourceVersionMatch=Exact`; one store has one count of revisions for all kinds).
 * Changes nothing. Throws `ContentTooLargeError`, `KubeRefusal` and what the client throws.
 */
export async function readContent(client: TenantClient, signal: AbortSignal): Promise<TenantContent> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await readOnce(client, signal);
    } catch (error) {
      if (!isTooOld(error) || attempt === attemptsMax) throw error;
    }
  }
}

async function readOnce(client: TenantClient, signal: AbortSignal): Promise<TenantContent> {
  const kinds = (await servedKinds(client, signal)).filter((kind) => !isOwnDoing(kind));
  const first = await readJson(client, '/api/v1/namespaces?limit=1', signal);
  const revision = textOf(fieldOf(first, 'metadata', 'resourceVersion'));
  const found: Found[] = [];
  const count = countedUpTo(readBytesMax);
  for (const kind of kinds)
    found.push({ kind, objects: await readAll({ client, kind, revision, signal, count }) });
  const around = surroundingsOf(found);
  const objects: CopiedObject[] = [];
  const leftOut = new Map<string, number>();
  const leave = (what: string) => leftOut.set(what, (leftOut.get(what) ?? 0) + 1);
  for (const { kind, objects: all } of found) {
    for (const object of all) {
      const verdict = verdictOn(kind, object, around);
      if (typeof verdict === 'object') leave(verdict.leftOut);
      if (verdict !== 'copied') continue;
      const copied = stripped(kind, object);
      if (copied) objects.push(copied);
      else leave('bindings that give rights to people or groups');
    }
  }
  return { revision, objects, leftOut: [...leftOut].map(([what, count]): LeftOut => ({ what, count })) };
}

interface Found {
  kind: Kind;
  objects: Json[];
}

interface Reading {
  client: TenantClient;
  kind: Kind;
  revision: string;
  signal: AbortSignal;
  /** Of every page. */
  count(page: unknown): void;
}

/** Counts all pages together. All of it is held in memory at once, so it is refused as soon as it is too much. */
function countedUpTo(bytesMax: number): Reading['count'] {
  let bytes = 0;
  return (page) => {
    bytes += Buffer.byteLength(JSON.stringify(page));
    if (bytes > bytesMax) throw new ContentTooLargeError();
  };
}

async function readAll({ client, kind, revision, signal, count }: Reading): Promise<Json[]> {
  const path = pathOf(kind.apiVersion, kind, {});
  const objects: Json[] = [];
  let query = new URLSearchParams({
    resourceVersion: revision,
    resourceVersionMatch: 'Exact',
    limit: String(pageSize),
  });
  for (;;) {
    const list = await readJson(client, `${path}?${query.toString()}`, signal);
    count(list);
    objects.push(...listOf(fieldOf(list, 'items')));
    const next = textOf(fieldOf(list, 'metadata', 'continue'));
    if (next === '') return objects;
    query = new URLSearchParams({ continue: next, limit: String(pageSize) });
  }
}

function surroundingsOf(found: readonly Found[]): Surroundings {
  const ofKind = (name: string) =>
    found.filter(({ kind }) => kind.kind === name).flatMap(({ objects }) => objects);
  return {
    namespaces: new Set(
      ofKind('Namespace')
        .map(metaOf)
        .filter(({ name, deleting }) => !deleting && !isSystemNamespace(name))
        .map(({ name }) => name),
    ),
    selecting: new Set(
      ofKind('Service')
        .filter((service) => fieldOf(service, 'spec', 'selector') !== undefined)
        .map(metaOf)
        .map(({ namespace, name }) => `${namespace}/${name}`),
    ),
  };
}

/** 410 Gone, or 504 from a server whose store is behind the revision. */
function isTooOld(error: unknown): boolean {
  return error instanceof KubeRefusal && (error.status === 410 || error.status === 504);
}
