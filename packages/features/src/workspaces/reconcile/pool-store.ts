import type { Condition } from '@hexabase/kernel/conditions.ts';
import { newId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { LeaseLostError } from '@hexabase/reconcile/step-log.ts';
import type { StatusWrite, Subject } from '@hexabase/reconcile/reconciler.ts';
import { sql } from 'kysely';
import { knownReleases, type KnownReleases } from './roll-out/roll-out-store.ts';
import type { Size } from './store.ts';

export const memberKind = 'pool-member';

/** A tenant made in advance. It belongs to no organization. */
export interface PoolMember extends Subject {
  id: WorkspaceId;
  slug: string;
  size: Size;
  isolation: 'shared' | 'dedicated';
  kubernetesVersion: null;
  knownReleases: KnownReleases | null;
  deletionRequested: boolean;
}

/** Null when it is gone, or has become a workspace. */
export async function loadMember(tx: Tx, id: string): Promise<PoolMember | null> {
  const { rows } = await sql<{
    id: WorkspaceId;
    size: Size;
    isolation: 'shared' | 'dedicated';
    observedGeneration: number;
    conditions: Condition[];
    knownReleases: KnownReleases | null;
    deletionRequested: boolean;
  }>`
    select m.id, m.isolation, m.observed_generation as "observedGeneration", m.conditions,
      m.deletion_requested_at is not null as "deletionRequested", ${knownReleases('m')} as "knownReleases",
      jsonb_build_object('cpuMilli', p.cpu_milli, 'memoryMib', p.memory_mib, 'storageGib', p.storage_gib) as size
    from pool_members m join plans p on p.name = m.plan where m.id = ${id}`.execute(tx);
  const row = rows[0];
  if (!row) return null;
  const slug = `warm-${row.id.slice(-12)}`;
  return { ...row, slug, generation: 1, organizationId: '', operationId: null, kubernetesVersion: null };
}

/** Throws `LeaseLostError` when a newer worker has written, or it has become a workspace. */
export async function saveMember(tx: Tx, member: PoolMember, status: StatusWrite): Promise<void> {
  const { numAffectedRows } = await sql`
    update pool_members set conditions = ${JSON.stringify(status.conditions)}::jsonb,
      observed_generation = greatest(observed_generation, ${status.observedGeneration}), fence = ${status.fence}
    where id = ${member.id} and fence <= ${status.fence}`.execute(tx);
  if (numAffectedRows !== 1n) throw new LeaseLostError(`${memberKind}/${member.id}`);
}

export async function poolMembers(tx: Tx): Promise<string[]> {
  return (await sql<{ id: string }>`select id from pool_members`.execute(tx)).rows.map((row) => row.id);
}

export async function noteMemberVersion(
  tx: Tx,
  id: string,
  { version, release }: { version: string | null; release: string | null },
): Promise<void> {
  await sql`update pool_members set running_version = ${version}, release = ${release} where id = ${id}`.execute(
    tx,
  );
}

/** From here on a workspace may take it, and one that is out of date may go. */
export async function markReady(tx: Tx, id: string): Promise<void> {
  const { numAffectedRows } = await sql`update pool_members set ready_at = now(), unready_since = null
    where id = ${id} and ready_at is null`.execute(tx);
  if (numAffectedRows === 1n) await sql`select hexabase.enqueue('pool', 'refill')`.execute(tx);
}

/** Nobody takes it until it answers again. */
export async function markUnready(tx: Tx, id: string): Promise<void> {
  await sql`update pool_members set ready_at = null, unready_since = now()
    where id = ${id} and ready_at is not null`.execute(tx);
}

/** Throws an Error while anything outside is still recorded: then it is not gone. */
export async function dropMember(tx: Tx, id: string): Promise<void> {
  const { rows } = await sql<{ left: number }>`
    select count(*)::int as left from inventory where subject = ${`${memberKind}/${id}`}`.execute(tx);
  if (rows[0]?.left !== 0) throw new Error('the inventory of the pool member is not empty');
  await sql`delete from pool_members where id = ${id}`.execute(tx);
}

/**
 * Ready tenants to keep on each place, by the plan that decides how large they are made. The workspace's own plan is
 * applied when one is taken; one that makes another size of the control plane restarts it.
 */
export type PoolSizes = Readonly<Record<string, number>>;

export interface PoolRule {
  sizes: PoolSizes;
  /** Of the built-in driver, for while there are no host clusters. */
  defaultRegion: string;
}

/** Plans of which members are wanted although there are none of that name, and the plans that there are. */
export async function unknownPlans(
  tx: Tx,
  sizes: PoolSizes,
): Promise<{ unknown: string[]; known: string[] }> {
  const { rows } = await sql<{ name: string }>`select name from plans order by rank, name`.execute(tx);
  const known = rows.map(({ name }) => name);
  return { unknown: Object.keys(onlyWanted(sizes)).filter((plan) => !known.includes(plan)), known };
}

/**
 * Makes these the sizes of the whole installation: replicas that were told different ones would undo each other's work.
 * The pool is looked at only when they are others than before, however many replicas start.
 */
export async function agreePoolSizes(tx: Tx, sizes: PoolSizes): Promise<void> {
  const agreed = JSON.stringify(onlyWanted(sizes));
  const { numAffectedRows } = await sql`update installation set warm_pool = ${agreed}::jsonb
    where warm_pool is distinct from ${agreed}::jsonb`.execute(tx);
  if (numAffectedRows === 1n) await sql`select hexabase.enqueue('pool', 'refill')`.execute(tx);
}

/** What the server that started last was told; null while none has started that tells it. */
export async function agreedPoolSizes(tx: Tx): Promise<PoolSizes | null> {
  const { rows } = await sql<{
    sizes: PoolSizes | null;
  }>`select warm_pool as sizes from installation`.execute(tx);
  return rows[0]?.sizes ?? null;
}

function onlyWanted(sizes: PoolSizes): PoolSizes {
  return Object.fromEntries(Object.entries(sizes).filter(([, size]) => size > 0));
}

/** How long a member may take to be ready before another one takes its place. */
const readyWithin = '1 hour';
/** A new member is begun so long after there was room for it. */
const refillDelay = '3 seconds';

/**
 * Makes the pool as large as it should be on every host cluster that takes workspaces. Safe to repeat. A plan that is gone
 * since the start gets no members, and keeps the others from none.
 */
export async function refillPool(tx: Tx, rule: PoolRule): Promise<void> {
  const wanted = wantedSizes(rule);
  const { rows: surplus } = await sql<{ id: string }>`
    with places as (${places(rule.defaultRegion)}), wanted as (${wanted}), ranked as (
      select m.id, row_number() over (partition by m.host_cluster_id, m.plan order by m.ready_at nulls last, m.created_at) as rank,
        coalesce((select w.size from wanted w where w.plan = m.plan), 0) as size,
        exists (select from places p where p.host is not distinct from m.host_cluster_id) as placed,
        m.ready_at is null and coalesce(m.unready_since, m.created_at) < now() - interval '${sql.raw(readyWithin)}' as late,
        ${isRefused} as refused, ${isReplacedNext} as outdated
      from pool_members m where m.deletion_requested_at is null and m.isolation = 'shared'
    )
    update pool_members m set deletion_requested_at = now() from ranked r
    where r.id = m.id and (r.rank > r.size or not r.placed or r.late or r.refused or r.outdated) returning m.id`.execute(
    tx,
  );
  const { rows: short } = await sql<{ host: string | null; region: string; plan: string; missing: number }>`
    with places as (${places(rule.defaultRegion)}), wanted as (${wanted})
    select p.host, p.region, w.plan, w.size - (
      select count(*)::int from pool_members m where m.host_cluster_id is not distinct from p.host
        and m.plan = w.plan and m.deletion_requested_at is null and m.isolation = 'shared') as missing
    from places p cross join wanted w`.execute(tx);
  const made: string[] = [];
  for (const { host, region, plan, missing } of short) {
    for (let count = 0; count < missing; count++) {
      const id = newId<'Workspace'>();
      await sql`insert into pool_members (id, host_cluster_id, region, isolation, plan)
        values (${id}, ${host}, ${region}, 'shared', ${plan})`.execute(tx);
      made.push(id);
    }
  }
  for (const { id } of surplus) await sql`select hexabase.enqueue(${memberKind}, ${id})`.execute(tx);
  // Whoever has just taken one is served first: where processors are few, a start would slow that down.
  await sql`insert into reconcile_queue (kind, key, due_at)
    select ${memberKind}, id, now() + ${refillDelay}::interval from unnest(${made}::text[]) as made (id)
    on conflict (kind, key) do nothing`.execute(tx);
}

/** SQL: a workspace there had to go back from the release of the member `m`, and another one is known that it can be made with. */
const isRefused = sql`coalesce((
  select k.known ->> 'working' is not null and k.known -> 'refused' ? m.release
  from (select ${knownReleases('m')} as known) as k), false)`;

/** SQL: the release that a server offered last where `m` is; null while none is offered, or none that is not refused. */
const wantedRelease = sql`(
  select o.release from (select * from release_offers f where f.host_cluster_id is not distinct from m.host_cluster_id
    order by f.first_offered_at desc limit 1) as o
  where not exists (select from workspaces w where w.refused_release = o.release
    and w.host_cluster_id is not distinct from m.host_cluster_id and w.deleted_at is null and w.deletion_requested_at is null))`;

/**
 * No member is younger that is replaced for its release: while servers with different settings run beside each other, any of them makes
 * the next one, and without this they would make and remove members all the time. What no server offers any more is forgotten after as
 * long.
 */
const replacedAfter = '10 minutes';

/**
 * SQL: the member `m` has a release that is not the wanted one: whoever took it would get a restart soon after. One after the other is
 * replaced, each when all of its kind are ready, so that one at most is missing.
 */
const isReplacedNext = sql`(m.id = (
  select s.id from pool_members s
  where s.host_cluster_id is not distinct from m.host_cluster_id and s.plan = m.plan and s.isolation = 'shared'
    and s.deletion_requested_at is null and s.release <> ${wantedRelease}
    and s.created_at < now() - interval '${sql.raw(replacedAfter)}'
  order by s.created_at, s.id limit 1)
  and not exists (select from pool_members s
    where s.host_cluster_id is not distinct from m.host_cluster_id and s.plan = m.plan and s.isolation = 'shared'
      and s.deletion_requested_at is null and s.ready_at is null))`;

/** SQL: how many of which plan. */
function wantedSizes({ sizes }: PoolRule) {
  const list = Object.entries(onlyWanted(sizes)).map(([plan, size]) => ({ plan, size }));
  return sql`select w.plan, w.size from jsonb_to_recordset(${JSON.stringify(list)}::jsonb) as w (plan text, size int)
    join plans p on p.name = w.plan`;
}

/** Host clusters that take workspaces; without any, the driver that is built in. */
function places(defaultRegion: string) {
  return sql`
    select h.id as host, h.region from host_clusters h where h.state = 'active'
    union all select null, ${defaultRegion}::text where not exists (select from host_clusters)`;
}
