import { mayInWorkspace, type PlacedWish } from '@hexabase/authz/effective-access.ts';
import { loadAccess, type AccessAt } from '@hexabase/features/access/load-access.ts';
import { brandId, newId, type OrganizationId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import { clientConfig } from '@hexabase/postgres/connection.ts';
import { givenOrganization, requestWorkspace } from '@hexabase/testkit/given.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { Client } from 'pg';
import { percentile } from '../kubernetes/figures.ts';
import { atMost } from '../product/report.ts';
import type { IdentityPart } from './part.ts';

const size = { groups: 10_000, depth: 8, memberships: 50_000, people: 10_000, assignments: 500 };
const rounds = { uncached: 500, cached: 20_000 };

const wish: PlacedWish = {
  verb: 'create',
  group: 'apps',
  resource: 'deployments',
  subresource: '',
  name: '',
  project: 'project-7',
};

interface Company {
  organizationId: OrganizationId;
  workspaceId: WorkspaceId;
  people: readonly string[];
}

/** What a decision in a workspace costs in a large organization. */
export const groupsPart: IdentityPart = {
  name: 'groups',
  title: 'decisions in a large organization',
  async measure() {
    await using test = await testDatabase();
    const company = await makeCompany(test);
    await Promise.all([0, 1, 2, 3].map((n) => loadFor(test, company, n)));
    const uncached: number[] = [];
    const found: AccessAt[] = [];
    for (let n = 0; n < rounds.uncached; n++) {
      const { access, ms } = await loadFor(test, company, n);
      uncached.push(ms);
      if (access) found.push(access);
    }
    const cached = found.map(({ access }) => microsecondsOf(() => mayInWorkspace(access, wish)));
    const grants = found.map(({ access }) => access.grants.length);
    return {
      how: `An organization with ${size.groups} groups of depth ${size.depth}, ${size.memberships} memberships of ${size.people} people and ${size.assignments} given roles. Uncached: epoch, organization role, all groups and roles of one person in a workspace from PostgreSQL, and the decision, ${rounds.uncached} people one after the other, without the beginning and end of the transaction. Cached: the decision alone, ${Math.floor(rounds.cached / rounds.uncached)} times for each.`,
      rows: [
        atMost('decision in a workspace, uncached, p50', { value: 2, unit: 'ms' }, percentile(uncached, 0.5)),
        atMost('decision in a workspace, cached, p50', { value: 20, unit: 'µs' }, percentile(cached, 0.5)),
      ],
      details: {
        size,
        uncachedMs: { p50: percentile(uncached, 0.5), p99: percentile(uncached, 0.99) },
        cachedMicroseconds: { p50: percentile(cached, 0.5), p99: percentile(cached, 0.99) },
        grantsPerPerson: { p50: percentile(grants, 0.5), max: Math.max(...grants) },
      },
    };
  },
};

async function loadFor(
  { database }: TestDatabase,
  { organizationId, workspaceId, people }: Company,
  n: number,
): Promise<{ access: AccessAt | null; ms: number }> {
  const userId = people[(n * 7_919) % people.length] ?? '';
  const scope = { userId: brandId<'User'>(userId), organizationIds: [organizationId] };
  return database.asTenant(scope, async (tx) => {
    const startedAt = performance.now();
    const access = await loadAccess(tx, { userId, organizationId, workspaceId });
    if (access) mayInWorkspace(access.access, wish);
    return { access, ms: performance.now() - startedAt };
  });
}

function microsecondsOf(run: () => unknown): number {
  const times = Math.floor(rounds.cached / rounds.uncached);
  const startedAt = performance.now();
  for (let n = 0; n < times; n++) run();
  return ((performance.now() - startedAt) * 1_000) / times;
}

async function makeCompany({ database, admin }: TestDatabase): Promise<Company> {
  const organizationId = await givenOrganization(database);
  const workspaceId = await requestWorkspace(database, organizationId);
  const people = Array.from({ length: size.people }, () => newId<'User'>());
  const groups = Array.from({ length: size.groups }, () => newId<'Group'>());
  const client = new Client({ ...clientConfig(admin), options: '-c search_path=hexabase' });
  await client.connect();
  try {
    await client.query(
      `insert into users (id, email, display_name) select id, id || '@example.test', 'Person' from unnest($1::text[]) as id`,
      [people],
    );
    await client.query(
      `insert into memberships (organization_id, user_id, role) select $2, id, 'developer' from unnest($1::text[]) as id`,
      [people, organizationId],
    );
    // Each level is below the one before: the first eighth has no parent, the last is eight deep.
    const perLevel = Math.ceil(size.groups / size.depth);
    const parents = groups.map((_, n) => (n < perLevel ? null : groups[n - perLevel]));
    await client.query(
      `insert into groups (id, organization_id, parent_id, name)
       select id, $3, parent, 'Group ' || id from unnest($1::text[], $2::text[]) as made (id, parent)`,
      [groups, parents, organizationId],
    );
    const members = Array.from({ length: size.memberships }, (_, n) => people[n % size.people]);
    const inGroups = Array.from(
      { length: size.memberships },
      (_, n) => groups[(n * 7 + Math.floor(n / size.people) * 13) % size.groups],
    );
    await client.query(
      `insert into group_members (group_id, user_id, organization_id)
       select g, u, $3 from unnest($1::text[], $2::text[]) as made (g, u) on conflict do nothing`,
      [inGroups, members, organizationId],
    );
    const given = Array.from({ length: size.assignments }, (_, n) => groups[(n * 17) % size.groups]);
    await client.query(
      `insert into role_assignments (id, organization_id, workspace_id, preset, group_id)
       select 'a' || g, $2, $3, 'viewer', g from unnest($1::text[]) as g on conflict do nothing`,
      [given, organizationId, workspaceId],
    );
    await client.query('analyze');
  } finally {
    await client.end();
  }
  return { organizationId, workspaceId, people };
}
