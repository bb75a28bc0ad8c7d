import { sql } from 'kysely';
import { chainAuditEntries } from '@hexabase/features/audit/chain.ts';
import { auditSigner } from '@hexabase/features/audit/signer.ts';
import { verifyChain } from '@hexabase/features/audit/verify.ts';
import { testMasterKey } from '@hexabase/testkit/test-server.ts';
import { derivePhase } from '@hexabase/features/workspaces/phase.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import type { Condition } from '@hexabase/kernel/conditions.ts';
import { kubeAccess } from '@hexabase/oidc/kube-access.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import type { MemoryCluster } from '@hexabase/testkit/memory-cluster.ts';

/**
 * Everything that must hold when nothing is being worked on. I6 (metered time) has nothing to look at until there is
 * metering. Answers what is broken, in words; empty is good. */
export async function brokenInvariants(database: Database, cluster: MemoryCluster): Promise<string[]> {
  const broken = await Promise.all([
    brokenRecords(database),
    inventoryIsExact(database, cluster),
    writesAreFenced(cluster),
    nothingRemovedUnasked(database, cluster),
    clonesAreWhole(database, cluster),
  ]);
  return broken.flat();
}

/** The part of it that the database alone tells, whatever the cluster. */
export async function brokenRecords(database: Database): Promise<string[]> {
  const broken = await Promise.all([
    operationsEnd(database),
    stepsAreNoted(database),
    announcedOnce(database),
    auditIsWhole(database),
    phaseFollowsConditions(database),
    plansAreKept(database),
    closedToTokens(database),
    nothingIsKept(database),
  ]);
  return broken.flat();
}

async function rowsOf<T>(database: Database, query: ReturnType<typeof sql<T>>): Promise<T[]> {
  return database.asWorker(async (tx) => (await query.execute(tx)).rows);
}

/** I1: what was promised to people comes to an end. */
async function operationsEnd(database: Database): Promise<string[]> {
  const rows = await rowsOf(
    database,
    sql<{ kind: string; subject: string; state: string }>`
    select kind, subject, state from operations where state in ('running', 'stuck')`,
  );
  return rows.map((row) => `I1 ${row.kind} of ${row.subject} is still ${row.state}`);
}

/** I2, I4, I8: outside there is what the inventory says, no more and no less, under the right label. */
async function inventoryIsExact(database: Database, cluster: MemoryCluster): Promise<string[]> {
  const recorded = await rowsOf(
    database,
    sql<{ thing: string; owner: boolean }>`
    select kind || ' ' || key as thing,
      exists (select from workspaces w where i.subject = 'workspace/' || w.id and w.deleted_at is null)
        or exists (select from pool_members m where i.subject = 'pool-member/' || m.id)
        or exists (select from projects p where i.subject = 'project/' || p.id and p.deleted_at is null) as owner
    from inventory i`,
  );
  const tenants = await cluster.driver.listTenants({ signal: AbortSignal.timeout(5_000) });
  const outside: string[] = [];
  const mislabelled: string[] = [];
  for (const { workspaceId } of tenants) {
    outside.push(`kubernetes-cluster ${workspaceId}`);
    for (const { name, label } of await namespacesOf(cluster, workspaceId)) {
      outside.push(`namespace ${workspaceId}/${name}`);
      if (label !== workspaceId)
        mislabelled.push(`I8 namespace ${name} of ${workspaceId} is labelled ${label}`);
    }
  }
  const known = new Set(recorded.map((row) => row.thing));
  const there = new Set(outside);
  return [
    ...outside.filter((thing) => !known.has(thing)).map((thing) => `I2 ${thing} is not in the inventory`),
    ...recorded
      .filter((row) => !there.has(row.thing))
      .map((row) => `I2 ${row.thing} is recorded but not there`),
    ...recorded.filter((row) => !row.owner).map((row) => `I2 ${row.thing} has no living owner`),
    ...(there.size === outside.length ? [] : ['I4 two things outside have one key']),
    ...mislabelled,
  ];
}

async function namespacesOf(
  cluster: MemoryCluster,
  workspaceId: string,
): Promise<{ name: string; label: string }[]> {
  const { body } = await cluster.kubectl(brand(workspaceId), { method: 'GET', path: '/api/v1/namespaces' });
  const items: { metadata: { name: string; labels?: Record<string, string> } }[] = JSON.parse(
    JSON.stringify(body),
  ).items;
  return items
    .map(({ metadata }) => ({ name: metadata.name, label: metadata.labels?.['workspace-id'] ?? 'none' }))
    .filter(({ name }) => name !== 'default' && !name.startsWith('kube-'));
}

function brand(text: string) {
  return text as Parameters<MemoryCluster['kubectl']>[0];
}

/** I3: an old worker never writes after a newer one; and what was removed is not made again. */
async function writesAreFenced(cluster: MemoryCluster): Promise<string[]> {
  const highest = new Map<string, number>();
  const removed = new Set<string>();
  const broken: string[] = [];
  for (const { workspaceId, verb, fence } of await cluster.writes()) {
    if (verb === 'ensure' && removed.has(workspaceId))
      broken.push(`I3 ${workspaceId} was made again after its removal`);
    if (verb === 'remove') removed.add(workspaceId);
    if (fence === null) continue;
    if (fence < (highest.get(workspaceId) ?? 0))
      broken.push(`I3 ${workspaceId} was written with an older fence`);
    highest.set(workspaceId, fence);
  }
  return broken;
}

/** I13: a copy that is ready has what its source had, and what was read of the source is not kept any longer. */
async function clonesAreWhole(database: Database, cluster: MemoryCluster): Promise<string[]> {
  const rows = await rowsOf(
    database,
    sql<{ id: string; source: string; projects: string[] }>`
    select id, clone ->> 'sourceId' as source, array(select name from projects p where p.workspace_id = w.id and p.phase = 'active') as projects
    from workspaces w where clone is not null and observed_generation > 0 and deleted_at is null`,
  );
  const broken = rows.map(async ({ id, source, projects }) => {
    const path = '/api/v1/namespaces/lab/configmaps/settings';
    const { body } = await cluster.kubectl(brand(id), { method: 'GET', path });
    const isWhole = JSON.stringify(body).includes(`"of":"${source}"`);
    return [
      ...(isWhole ? [] : [`I13 ${id} lacks what ${source} had`]),
      ...(projects.includes('lab') ? [] : [`I13 ${id} lacks the project of ${source}`]),
    ];
  });
  return (await Promise.all(broken)).flat();
}

async function nothingIsKept(database: Database): Promise<string[]> {
  const rows = await rowsOf(database, sql<{ id: string }>`select workspace_id as id from workspace_copies`);
  return rows.map(({ id }) => `I13 secrets that were read for ${id} are still kept`);
}

/** I7: nothing of a tenant is removed before somebody asked for it. */
async function nothingRemovedUnasked(database: Database, cluster: MemoryCluster): Promise<string[]> {
  const unasked = new Set(
    (
      await rowsOf(
        database,
        sql<{ id: string }>`select id from workspaces where deletion_requested_at is null
          union all select id from pool_members where deletion_requested_at is null`,
      )
    ).map((row) => row.id),
  );
  return (await cluster.writes())
    .filter((write) => write.verb === 'remove' && unasked.has(write.workspaceId))
    .map((write) => `I7 ${write.workspaceId} was removed unasked`);
}

/** Nothing is done that was not noted before, and nothing counts as done twice. */
async function stepsAreNoted(database: Database): Promise<string[]> {
  const rows = await rowsOf(
    database,
    sql<{ text: string }>`
    select operation_id || ' ' || step as text from operation_events d where kind = 'done' and not exists (
      select from operation_events i where (i.operation_id, i.step, i.attempt, i.kind) = (d.operation_id, d.step, d.attempt, 'intent'))
    union all
    select operation_id || ' ' || step from operation_events where kind = 'done' group by operation_id, step having count(*) > 1`,
  );
  return rows.map((row) => `step log: ${row.text}`);
}

/** I10: each change is announced, once. */
async function announcedOnce(database: Database): Promise<string[]> {
  const rows = await rowsOf(
    database,
    sql<{ id: string; ready: number; wanted: number }>`
    select w.id, count(o.id)::int as ready, 1 as wanted from workspaces w
    left join outbox o on o.subject = 'workspace.ready' and o.payload ->> 'id' = w.id
    where w.observed_generation > 0 group by w.id having count(o.id) <> 1
    union all
    select w.id, count(o.id)::int, 1 from workspaces w
    left join outbox o on o.subject = 'workspace.removed' and o.payload ->> 'id' = w.id
    where w.deleted_at is not null group by w.id having count(o.id) <> 1`,
  );
  return rows.map((row) => `I10 ${row.id} was announced ${row.ready} times`);
}

/** I11 */
async function auditIsWhole(database: Database): Promise<string[]> {
  while ((await chainAuditEntries(database)) > 0);
  const organizations = await rowsOf(
    database,
    sql<{
      id: string;
    }>`select distinct organization_id as id from audit_entries where organization_id is not null`,
  );
  const broken: string[] = [];
  for (const { id } of organizations) {
    const against = { signer: auditSigner(testMasterKey), kept: [] };
    const { broken: sequence } = await verifyChain(database, id, against);
    if (sequence !== null) broken.push(`I11 the audit chain of ${id} breaks at ${sequence}`);
  }
  return broken;
}

/** I12 */
async function phaseFollowsConditions(database: Database): Promise<string[]> {
  const rows = await rowsOf(
    database,
    sql<{
      id: string;
      phase: string;
      generation: number;
      observed: number;
      conditions: Condition[];
      deleting: boolean;
    }>`
    select id, phase, generation, observed_generation as observed, conditions, deletion_requested_at is not null as deleting
    from workspaces where deleted_at is null`,
  );
  return rows.flatMap(({ id, phase, generation, observed, conditions, deleting }) => {
    const derived = derivePhase({
      conditions,
      generation,
      observedGeneration: observed,
      deletionRequested: deleting,
    });
    return [
      ...(phase === derived ? [] : [`I12 ${id} is ${phase}, its conditions say ${derived}`]),
      ...(observed <= generation ? [] : [`I12 ${id} has seen a generation that does not exist`]),
    ];
  });
}

/** I5: what an organization has is what its plan reserves a place for. */
async function plansAreKept(database: Database): Promise<string[]> {
  const rows = await rowsOf(
    database,
    sql<{ id: string; used: number }>`
    select o.id, count(w.id)::int as used from organizations o join plans p on p.name = o.plan
    join workspaces w on w.organization_id = o.id and w.deleted_at is null
    group by o.id, p.max_workspaces having count(w.id) > p.max_workspaces`,
  );
  return rows.map((row) => `I5 ${row.id} has ${row.used} workspaces, more than its plan`);
}

/** I9: the gateway lets nobody into a workspace whose deletion was asked for. */
async function closedToTokens(database: Database): Promise<string[]> {
  const rows = await rowsOf(
    database,
    sql<{ id: string }>`select id from workspaces where deletion_requested_at is not null`,
  );
  const access = kubeAccess({
    db: database,
    keys: { find: async () => null },
    issuer: '',
    clock: systemClock,
  });
  const found = await Promise.all(rows.map((row) => access.findWorkspace(row.id)));
  return found
    .filter((workspace) => workspace?.servable)
    .map((workspace) => `I9 ${workspace?.id} still takes tokens`);
}
