import { bigintArray, textArray } from './binary-array.ts';
import type { CommitBatch } from '../persistence.ts';

/**
 * One statement for a batch of any size. Writing the cluster's row with the epoch compared both fences off former owners
 * (their rows join nothing) and makes a new owner, whose load locks the same row, wait until the batch is decided.
 */
export const commitStatement = `
with owned as (
  update kube.clusters c set rev = b.rev
  from unnest($1::text[], $2::bigint[], $3::bigint[]) as b(id, epoch, rev)
  where c.id = b.id and c.epoch = b.epoch
  returning c.id
), puts as (
  insert into kube.objects as o (cluster_id, resource, namespace, name, rev, value)
  select p.cluster_id, p.resource, p.namespace, p.name, p.rev, p.value
  from unnest($4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::text[])
    as p(cluster_id, resource, namespace, name, rev, value)
  join owned on owned.id = p.cluster_id
  on conflict (cluster_id, resource, namespace, name) do update set rev = excluded.rev, value = excluded.value
), deletes as (
  delete from kube.objects o
  using unnest($10::text[], $11::text[], $12::text[], $13::text[]) as d(cluster_id, resource, namespace, name), owned
  where owned.id = d.cluster_id and o.cluster_id = d.cluster_id
    and o.resource = d.resource and o.namespace = d.namespace and o.name = d.name
), logged as (
  insert into kube.log (cluster_id, resource, namespace, name, rev, type, previous, written_at)
  select l.cluster_id, l.resource, l.namespace, l.name, l.rev, l.type, l.previous, to_timestamp($21::float8 / 1000)
  from unnest($14::text[], $15::text[], $16::text[], $17::text[], $18::bigint[], $19::text[], $20::text[])
    as l(cluster_id, resource, namespace, name, rev, type, previous)
  join owned on owned.id = l.cluster_id
)
select id from owned`;

/** The values of `commitStatement`, in its order. */
export function commitValues({ clusters, puts, deletes, log, writtenAtMs }: CommitBatch): unknown[] {
  return [
    textArray(clusters.map(({ id }) => id)),
    bigintArray(clusters.map(({ epoch }) => epoch)),
    bigintArray(clusters.map(({ revision }) => revision)),
    ...keyArrays(puts),
    bigintArray(puts.map(({ revision }) => revision)),
    textArray(puts.map(({ text }) => text)),
    ...keyArrays(deletes),
    ...keyArrays(log),
    bigintArray(log.map(({ revision }) => revision)),
    textArray(log.map(({ type }) => type)),
    textArray(log.map(({ previous }) => previous)),
    writtenAtMs,
  ];
}

function keyArrays(rows: readonly { clusterId: string; key: CommitBatch['log'][number]['key'] }[]): Buffer[] {
  return [
    textArray(rows.map(({ clusterId }) => clusterId)),
    textArray(rows.map(({ key }) => key.resource)),
    textArray(rows.map(({ key }) => key.namespace)),
    textArray(rows.map(({ key }) => key.name)),
  ];
}
