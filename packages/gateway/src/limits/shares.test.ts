import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { newId, type OrganizationId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { accessAudit } from '@hexabase/oidc/access-audit.ts';
import { openIdentity, type Identity } from '@hexabase/oidc/identity.ts';
import { kubeAccess } from '@hexabase/oidc/kube-access.ts';
import { readEpoch } from '@hexabase/oidc/revocation.ts';
import { createUser } from '@hexabase/oidc/users.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createGateway, type Gateway } from '../gateway.ts';
import { defaultLimits } from './shares.ts';

/** Who has how much of one process at once, and who is refused for it. */
const issuer = 'https://localhost:8443/oidc';
const few = { account: 2, workspace: 3, organization: 4, all: 5 };
const opened = new AsyncDisposableStack();
const [acme, other] = [newId<'Organization'>(), newId<'Organization'>()];
const [mine, second, foreign] = [newId<'Workspace'>(), newId<'Workspace'>(), newId<'Workspace'>()];
const [asleep, asleepToo] = [newId<'Workspace'>(), newId<'Workspace'>()];
const foreignAsleep = newId<'Workspace'>();
/** Answers that came, which stay open. */
const answers: IncomingMessage[] = [];
let database: TestDatabase;
let identity: Identity;
let gateway: Gateway;
let port = 0;

beforeAll(async () => {
  database = opened.adopt(await testDatabase(), (one) => one.close());
  const { database: db, masterKey } = database;
  identity = opened.use(await openIdentity({ db, masterKey, issuer, clock: systemClock }));
  for (const id of [acme, other]) await insertOrganization(id);
  for (const id of [mine, second]) await insertWorkspace(id, acme, 'active');
  for (const id of [asleep, asleepToo]) await insertWorkspace(id, acme, 'asleep');
  await insertWorkspace(foreign, other, 'active');
  await insertWorkspace(foreignAsleep, other, 'asleep');
  gateway = opened.use(
    await createGateway({
      access: kubeAccess({ keys: identity.keys, issuer, clock: systemClock, db }),
      driver: {
        upstream: async () => ({
          kind: 'handler',
          handle: (_request, response) => void response.writeHead(200).write('{}\n'),
          upgrade: (_request, socket) => void socket.destroy(),
        }),
      },
      audit: accessAudit(db, silentLogger),
      clock: systemClock,
      log: silentLogger,
      limits: { ...defaultLimits, long: few, held: few },
      wake: async () => undefined,
    }),
  );
  const server = createServer(gateway.handle).listen(0, '127.0.0.1');
  opened.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const address = server.address();
  port = address !== null && typeof address === 'object' ? address.port : 0;
});
afterAll(() => opened.disposeAsync());

async function insertOrganization(id: OrganizationId): Promise<void> {
  await database.database.asIdentity((tx) =>
    sql`INSERT INTO hexabase.organizations (id, slug, name, plan) VALUES (${id}, ${id}, 'Acme', 'enterprise')`.execute(
      tx,
    ),
  );
}

async function insertWorkspace(
  id: WorkspaceId,
  organizationId: OrganizationId,
  phase: string,
): Promise<void> {
  await database.database.asWorker((tx) =>
    sql`INSERT INTO hexabase.workspaces (id, uid, organization_id, slug, name, plan, region, isolation, phase)
      VALUES (${id}, ${newId()}, ${organizationId}, ${id}, 'One', 'starter', 'local', 'shared', ${phase})`.execute(
      tx,
    ),
  );
}

/** Somebody of this name, who asks for something of a workspace; the status of the answer, which stays open. */
async function person(name: string) {
  const { database: db } = database;
  const email = `${name}@example.test`;
  const user = await db.asIdentity((tx) =>
    createUser(tx, { email, displayName: 'User', password: null }, Date.now()),
  );
  const device = { userAgent: null, address: '127.0.0.1', deviceId: null };
  const { accessToken } = await identity.startSession(user.id, device);
  const actor = await identity.authenticate(accessToken);
  const epoch = await db.asIdentity((tx) => readEpoch(tx, user.id));
  return async (path: string, workspaceId: WorkspaceId, signal?: AbortSignal): Promise<number> => {
    const { token } = await identity.mintKubeToken({ actor, workspaceId, groups: [], epoch });
    const request = httpRequest({
      host: '127.0.0.1',
      port,
      path: `/k8s/workspaces/${workspaceId}${path}`,
      headers: { host: 'localhost', authorization: `Bearer ${token}` },
      agent: false,
      ...(signal && { signal }),
    });
    const answered = once(request, 'response');
    request.on('error', () => undefined).end();
    const [answer]: IncomingMessage[] = await answered;
    if (!answer) return 0;
    answers.push(answer.on('error', () => undefined));
    return answer.statusCode ?? 0;
  };
}

const watch = '/api/v1/pods?watch=1';

test('C17 watches of one account, workspace or organization leave places to all others', async () => {
  const [eve, bob] = [await person('eve'), await person('bob')];
  const [cat, dan] = [await person('cat'), await person('dan')];
  const asked = [
    [eve, mine, 200],
    [eve, mine, 200],
    [eve, second, 429],
    [bob, mine, 200],
    [cat, mine, 429],
    [cat, second, 200],
    [bob, second, 429],
    [dan, foreign, 200],
    [cat, foreign, 429],
  ] as const;
  const statuses: number[] = [];
  for (const [who, where] of asked) statuses.push(await who(watch, where));
  expect(statuses).toEqual(asked.map(([, , status]) => status));
  expect(answers.at(-1)?.headers['retry-after']).toBe('1');
  answers[0]?.destroy();
  await expect.poll(() => dan(watch, foreign)).toBe(200);
  for (const answer of answers) answer.destroy();
});

test('C17 requests to sleeping workspaces of one account, workspace or organization leave room to all others', async () => {
  const [eve, bob] = [await person('eva'), await person('ben')];
  const [cat, dan] = [await person('cleo'), await person('dora')];
  const over = new AbortController();
  const asked = [
    [eve, asleep, 'held'],
    [eve, asleepToo, 'held'],
    [eve, asleep, 503],
    [bob, asleep, 'held'],
    [cat, asleepToo, 'held'],
    [bob, asleepToo, 503],
    [dan, foreignAsleep, 'held'],
    [dan, foreignAsleep, 503],
  ] as const;
  const outcomes: unknown[] = [];
  for (const [who, where] of asked) {
    const before = gateway.stats().held;
    const status = who('/version', where, over.signal).catch(() => 'held');
    const isHeld = expect.poll(() => gateway.stats().held).toBe(before + 1);
    outcomes.push(await Promise.race([isHeld.then(() => 'held'), status]));
  }
  expect(outcomes).toEqual(asked.map(([, , outcome]) => outcome));
  over.abort();
  await expect.poll(() => gateway.stats().held).toBe(0);
});
