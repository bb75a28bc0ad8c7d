import type { TenantRequest, TenantResponse } from '@hexabase/cluster/port.ts';
import { fixedClock } from '@hexabase/kernel/clock.ts';
import { findCondition } from '@hexabase/kernel/conditions.ts';
import { newId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import { startEngine } from '@hexabase/reconcile/engine.ts';
import { register } from '@hexabase/reconcile/registration.ts';
import { givenOrganization, requestProject, requestWorkspace, until } from '@hexabase/testkit/given.ts';
import { memoryCluster } from '@hexabase/testkit/memory-cluster.ts';
import { testDatabase } from '@hexabase/testkit/test-database.ts';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { deleteAssignmentRow, insertAssignment } from '../../assignments/store.ts';
import { projectReconciler } from '../../projects/reconcile/project-reconciler.ts';
import { toWorkspace } from '../../workspaces/representation.ts';
import { getWorkspaceRow } from '../../workspaces/store.ts';
import { workspaceReconciler } from '../../workspaces/reconcile/workspace-reconciler.ts';
import { wakeAccess } from '../public.ts';
import { accessReconciler } from './access-reconciler.ts';
import { roleChanges } from './notice-role-changes.ts';
import { loadAccessSubject, saveAccess } from './store.ts';

const rbac = '/apis/rbac.authorization.k8s.io/v1';
const doubtMs = 2 * 60_000;

type Asked = Omit<TenantRequest, 'signal'>;
/** What the workspace's own cluster answers in the place of what it would; null where nothing is in the way. */
type InTheWay = (request: Asked) => TenantResponse | Promise<TenantResponse> | null;

/** As a kube-apiserver answers for a webhook that nobody serves. */
const deadWebhook: TenantResponse = {
  status: 500,
  body: {
    kind: 'Status',
    message:
      'Internal error occurred: failed calling webhook "nobody.example.test": failed to call webhook: Post "https://nobody.default.svc:443/?timeout=2s": service "nobody" not found',
  },
};

/** A workspace that works, with two projects, whose cluster can be told to refuse. */
async function running(stack: AsyncDisposableStack) {
  const { database, admin, masterKey } = stack.use(await testDatabase());
  const cluster = stack.use(await memoryCluster(admin));
  const inside: { refuses: InTheWay } = { refuses: () => null };
  const { driver } = cluster;
  const { tenantClient } = driver;
  driver.tenantClient = (id) => {
    const client = tenantClient(id);
    return { request: async (request) => inside.refuses(request) ?? client.request(request) };
  };
  const clock = fixedClock(Date.now());
  const logged: Record<string, unknown>[] = [];
  const deps = { driver, clock, issuer: 'https://hexabase.example/oidc' };
  const registrations = [
    register(workspaceReconciler({ ...deps, vault: createKeyVault(masterKey), database })),
    register(projectReconciler(deps)),
    register(accessReconciler({ ...deps, log: { ...silentLogger, warn: (fields) => logged.push(fields) } })),
  ];
  stack.use(await startEngine({ database, registrations, clock, log: silentLogger, random: () => 0 }));
  const organizationId = await givenOrganization(database);
  const workspaceId = await requestWorkspace(database, organizationId);
  const read = async (path: string) => {
    const { status, body } = await cluster.kubectl(workspaceId, { method: 'GET', path });
    return status === 200 ? JSON.parse(JSON.stringify(body)) : null;
  };
  await until(async () => (await phaseOf(database, workspaceId)) === 'active');
  const projects = new Map<string, string>();
  for (const name of ['blog', 'shop']) {
    projects.set(name, await requestProject(database, workspaceId, name));
    await until(
      async () => (await read(`${rbac}/namespaces/${name}/rolebindings/hexabase:ws-developers`)) !== null,
    );
  }
  const wake = () => database.asWorker((tx) => wakeAccess(tx, [workspaceId]));
  const scope = { userId: null, organizationIds: [organizationId] };
  /** A role in each of these projects (null: in the whole workspace) at the same moment, each for a group of its own. */
  const giveAtOnce = async <const P extends readonly (string | null)[]>(
    places: P,
    preset: 'admin' | 'viewer' = 'admin',
  ): Promise<{ [K in keyof P]: string }> => {
    const ids = places.map(() => newId());
    await database.asTenant(scope, async (tx) => {
      for (const [index, project] of places.entries()) {
        const [id, groupId] = [ids[index] ?? '', newId()];
        await sql`insert into groups (id, organization_id, name) values (${groupId}, ${organizationId}, ${`g-${id}`})`.execute(
          tx,
        );
        const projectId = project === null ? null : (projects.get(project) ?? '');
        const given = {
          id,
          organizationId,
          workspaceId,
          projectId,
          preset,
          roleId: null,
          groupId,
          userId: null,
        };
        await insertAssignment(tx, { ...given, createdBy: '', createdAt: new Date() });
      }
      await wakeAccess(tx, [workspaceId]);
    });
    return ids as { [K in keyof P]: string };
  };
  /** Answers the role's id. */
  const give = async (project: string | null, preset: 'admin' | 'viewer' = 'admin'): Promise<string> =>
    (await giveAtOnce([project], preset))[0];
  const take = (id: string) =>
    database.asTenant(scope, async (tx) => {
      await deleteAssignmentRow(tx, id);
      await wakeAccess(tx, [workspaceId]);
    });
  /** As people are shown it. */
  const told = async (type = 'AccessMirrored') => {
    const row = await database.asWorker((tx) => getWorkspaceRow(tx, workspaceId));
    return findCondition(toWorkspace(row, { kubernetes }).conditions, type);
  };
  const untilTold = (status: string, reason: string) =>
    until(async () => {
      await wake();
      const condition = await told();
      return condition?.status === status && condition.reason === reason && condition;
    });
  const state = () =>
    database.asWorker(async (tx) => {
      const { rows } = await sql<{ fence: number; mirror: number; conditions: string }>`
        select fence::float8 as fence, access_fence::float8 as mirror, conditions::text as conditions
        from workspaces where id = ${workspaceId}`.execute(tx);
      return rows[0] ?? { fence: 0, mirror: 0, conditions: '' };
    });
  /** Has the workspace itself looked at once more. */
  const pass = async () => {
    const { fence } = await state();
    await database.asWorker((tx) => sql`select hexabase.enqueue('workspace', ${workspaceId})`.execute(tx));
    await until(async () => (await state()).fence > fence);
  };
  await untilTold('True', 'InPlace');
  return {
    database,
    cluster,
    workspaceId,
    inside,
    clock,
    logged,
    read,
    give,
    giveAtOnce,
    take,
    told,
    untilTold,
    state,
    pass,
  };
}

const kubernetes = { urlOf: () => '', certificateAuthority: () => '' };

async function phaseOf(database: Database, id: WorkspaceId): Promise<string> {
  return (await database.asWorker((tx) => getWorkspaceRow(tx, id))).phase;
}

const isWrite = ({ method }: Asked): boolean => method !== 'GET';

describe('a workspace whose own cluster refuses what we write', () => {
  test('tells who was removed and is still there by the webhook’s name, doubts first, stays Ready, and ends it when it passes', async () => {
    await using stack = new AsyncDisposableStack();
    const { database, workspaceId, inside, clock, read, give, take, told, untilTold } = await running(stack);
    const id = await give(null);
    const path = `${rbac}/clusterrolebindings/hexabase:assignment:${id}`;
    await until(async () => (await read(path)) !== null);
    inside.refuses = (asked) =>
      isWrite(asked) && asked.path.includes('/clusterrolebindings') ? deadWebhook : null;
    await take(id);
    const doubted = await untilTold('Unknown', 'Progressing');
    expect(doubted.message).toMatch(
      /^ClusterRoleBinding hexabase:assignment:\S+ \(for hexabase:group:\S+\) cannot be removed, and still gives what was taken away: The admission webhook nobody\.example\.test in the workspace's own cluster stands in the way: /,
    );
    clock.advance(doubtMs);
    await untilTold('False', 'RefusedInside');
    expect((await told('Ready'))?.status).toBe('True');
    expect(await phaseOf(database, workspaceId)).toBe('active');
    const putTo = (phase: string) =>
      database.asWorker((tx) =>
        sql`update workspaces set phase = ${phase} where id = ${workspaceId}`.execute(tx),
      );
    await putTo('asleep');
    expect(await told()).toBeUndefined();
    await putTo('active');
    inside.refuses = () => null;
    expect((await untilTold('True', 'InPlace')).message).toBe('');
    expect(await read(path)).toBeNull();
  });

  test('that refuses only deletions gives nobody anything by what was taken away', async () => {
    await using stack = new AsyncDisposableStack();
    const { inside, read, give, take, untilTold } = await running(stack);
    const id = await give('shop');
    const path = `${rbac}/namespaces/shop/rolebindings/hexabase:assignment:${id}`;
    await until(async () => (await read(path))?.subjects.length === 1);
    // A webhook chooses the status, also one by which we would take it for done.
    inside.refuses = ({ method }) =>
      method === 'DELETE'
        ? {
            status: 404,
            body: { message: 'admission webhook "keeps.example.test" denied the request: kept' },
          }
        : null;
    await take(id);
    const { message } = await untilTold('Unknown', 'Progressing');
    expect((await read(path)).subjects).toEqual([]);
    expect(message).toContain('in project shop cannot be removed, and gives nobody anything any more: ');
    expect(message).toContain('keeps.example.test');
  });

  test('in one place has everything else as it was decided, there and elsewhere', async () => {
    await using stack = new AsyncDisposableStack();
    const { inside, read, give, take, untilTold } = await running(stack);
    const bindings = (project: string) => `${rbac}/namespaces/${project}/rolebindings`;
    const gone = await give('blog');
    await until(() => read(`${bindings('blog')}/hexabase:assignment:${gone}`));
    inside.refuses = ({ method, body }) =>
      method === 'POST' && JSON.stringify(body).includes('-viewer"') ? deadWebhook : null;
    const [inBlog, inAll] = [await give('blog', 'viewer'), await give(null, 'viewer')];
    await take(gone);
    const later = [
      `${bindings('blog')}/hexabase:assignment:${await give('blog')}`,
      `${bindings('shop')}/hexabase:assignment:${await give('shop')}`,
      `${rbac}/clusterrolebindings/hexabase:assignment:${await give(null)}`,
    ];
    for (const path of later) await until(() => read(path));
    await until(async () => (await read(`${bindings('blog')}/hexabase:assignment:${gone}`)) === null);
    const { message } = await untilTold('Unknown', 'Progressing');
    expect(message).toContain(`ClusterRoleBinding hexabase:assignment:${inAll}`);
    expect(message).toContain(`RoleBinding hexabase:assignment:${inBlog}`);
    expect(message).toContain('in project blog is missing: The admission webhook nobody.example.test');
  });

  test('holds up no project while a webhook that is asked for the whole workspace takes its time', async () => {
    await using stack = new AsyncDisposableStack();
    const { inside, read, giveAtOnce } = await running(stack);
    const slow = Promise.withResolvers<TenantResponse>();
    stack.defer(() => slow.resolve(deadWebhook));
    inside.refuses = ({ method, path }) =>
      method === 'POST' && path.endsWith('/clusterrolebindings') ? slow.promise : null;
    const [, id] = await giveAtOnce([null, 'shop']);
    expect(
      await until(() => read(`${rbac}/namespaces/shop/rolebindings/hexabase:assignment:${id}`)),
    ).toBeTruthy();
  });

  test('fills no log: a pass tells how much there is, and the first of it', async () => {
    await using stack = new AsyncDisposableStack();
    const { inside, give, logged } = await running(stack);
    inside.refuses = ({ method }) => (method === 'POST' ? deadWebhook : null);
    for (let one = 0; one < 5; one++) await give('shop');
    const entry = await until(async () => logged.find(({ count }) => count === 5));
    expect(entry['troubles']).toHaveLength(3);
  });

  test('also what every workspace has, stays Ready and tells it', async () => {
    await using stack = new AsyncDisposableStack();
    const { database, cluster, workspaceId, inside, read, told, pass } = await running(stack);
    const path = `${rbac}/clusterrolebindings/hexabase:ws-users`;
    const binding = await read(path);
    inside.refuses = (asked) => (isWrite(asked) && asked.path.startsWith(rbac) ? deadWebhook : null);
    await cluster.kubectl(workspaceId, { method: 'PUT', path, body: { ...binding, subjects: [] } });
    for (let round = 0; round < 4; round++) await pass();
    expect((await told('AccessReady'))?.message).toContain('hexabase:ws-users');
    expect((await told('Ready'))?.status).toBe('True');
    expect(await phaseOf(database, workspaceId)).toBe('active');
  });

  test('by changing what is written tells that it is not as decided', async () => {
    await using stack = new AsyncDisposableStack();
    const { inside, give, untilTold } = await running(stack);
    const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:authenticated' }];
    inside.refuses = ({ method, body }) =>
      method === 'POST' ? { status: 201, body: { ...Object(body), subjects } } : null;
    await give('shop');
    const { message } = await untilTold('Unknown', 'Progressing');
    expect(message).toContain('in project shop is not as decided: Something in the workspace');
  });

  test('is not known to be as decided while its cluster does not answer, and never said not to be', async () => {
    await using stack = new AsyncDisposableStack();
    const { inside, clock, untilTold } = await running(stack);
    inside.refuses = ({ path }) => (path.includes('rbac') ? { status: 503, body: {} } : null);
    await untilTold('Unknown', 'NotLookedAt');
    clock.advance(10 * doubtMs);
    await untilTold('Unknown', 'NotLookedAt');
    inside.refuses = () => null;
    await untilTold('True', 'InPlace');
  });
});

test('a label or an annotation that looks like a deletion keeps no project from being mirrored', async () => {
  await using stack = new AsyncDisposableStack();
  const { cluster, workspaceId, read, give, take } = await running(stack);
  const id = await give('shop');
  const path = `${rbac}/namespaces/shop/rolebindings/hexabase:assignment:${id}`;
  await until(() => read(path));
  const namespace = await read('/api/v1/namespaces/shop');
  namespace.metadata.annotations = { deletionTimestamp: 'never' };
  await cluster.kubectl(workspaceId, { method: 'PUT', path: '/api/v1/namespaces/shop', body: namespace });
  await take(id);
  await until(async () => (await read(path)) === null);
});

test('the two who write a workspace’s conditions at the same time overwrite nothing of each other, and an older worker nothing of a newer', async () => {
  await using stack = new AsyncDisposableStack();
  const { database, workspaceId, inside, untilTold, give, told, state, pass } = await running(stack);
  inside.refuses = ({ method, path }) =>
    method === 'POST' && path.includes('rolebindings') ? deadWebhook : null;
  await give(null);
  await untilTold('Unknown', 'Progressing');
  // Each fails and is tried again at once meanwhile, and finds the other one's row just written.
  for (let round = 0; round < 5; round++) {
    await pass();
    expect([(await told())?.status, (await told('Ready'))?.status]).toEqual(['Unknown', 'True']);
  }
  const { mirror, conditions } = await state();
  expect(conditions).not.toContain('AccessMirrored');
  const late = database.asWorker(async (tx) => {
    const subject = await loadAccessSubject(tx, workspaceId);
    if (subject) await saveAccess(tx, subject, { fence: mirror - 1, conditions: [] });
  });
  await expect(late).rejects.toThrow('lease');
  expect((await told())?.status).toBe('Unknown');
});

test('who takes a webhook away, or changes roles, waits for no next try', () => {
  const concerns = (path: string) => roleChanges.concerns({ workspaceId: 'w', verb: 'delete', path });
  expect(concerns('apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/x')).toBe(true);
  expect(concerns('apis/rbac.authorization.k8s.io/v1/clusterrolebindings/x')).toBe(true);
  expect(concerns('api/v1/namespaces/shop/pods/x')).toBe(false);
});
