import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { accessAudit } from '@hexabase/oidc/access-audit.ts';
import { openIdentity } from '@hexabase/oidc/identity.ts';
import { kubeAccess } from '@hexabase/oidc/kube-access.ts';
import { readEpoch } from '@hexabase/oidc/revocation.ts';
import { createUser } from '@hexabase/oidc/users.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { createGateway } from './gateway.ts';
import { defaultLimits } from './limits/shares.ts';

const issuer = 'https://localhost:8443/oidc';
const workspaceId = newId<'Workspace'>();
const longMax = 3;

it.each([
  ['a watch', ''],
  ['a shell', 'Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n'],
])(
  'a client that hung up while it was let in is not counted among those who are there: %s',
  async (_what, upgrade) => {
    await using stack = new AsyncDisposableStack();
    const test = await testDatabase();
    stack.defer(() => test.close());
    const { token, access } = await givenToken(test, stack);
    const gate = Promise.withResolvers<void>();
    let reached = 0;
    const gateway = stack.use(
      await createGateway({
        // The database takes its time to say whether a session lives.
        access: { ...access, session: async (one) => (await gate.promise, access.session(one)) },
        driver: {
          upstream: async () => ({
            kind: 'handler',
            handle: (_request, response) => void response.writeHead(200).write(`${(reached += 1)}`),
            upgrade: (_request, socket) =>
              void socket.write(`HTTP/1.1 101 Switching Protocols\r\n\r\n${(reached += 1)}`),
          }),
        },
        audit: accessAudit(test.database, silentLogger),
        clock: systemClock,
        log: silentLogger,
        limits: { long: { ...defaultLimits.long, workspace: longMax } },
      }),
    );
    const gone: Promise<unknown>[] = [];
    const server = createServer({ shouldUpgradeCallback: gateway.upgrades }, (request, response) => {
      gone.push(new Promise((closed) => response.once('close', closed)));
      gateway.handle(request, response);
    });
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      gone.push(new Promise((closed) => socket.once('close', closed)));
      gateway.upgrade(request, socket, head);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    stack.defer(() => {
      server.closeAllConnections();
      server.close();
    });
    const address = server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const ask = () => {
      const client = connect(port, '127.0.0.1');
      client.write(
        `GET /k8s/workspaces/${workspaceId}/api/v1/pods?watch=1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n${upgrade}\r\n`,
      );
      return client;
    };

    const impatient = Array.from({ length: longMax }, ask);
    await expect.poll(() => gone.length).toBe(longMax);
    // A reset: what has not been read from a connection hides its end.
    for (const client of impatient) client.resetAndDestroy();
    await Promise.all(gone);
    gate.resolve();
    // The first of them may be let in before the others are looked at again; the second is counted after them.
    for (let n = 0; n < 2; n += 1) {
      const patient = ask();
      stack.defer(() => void patient.destroy());
      const [first] = await once(patient, 'data');
      expect(String(first)).toMatch(upgrade === '' ? /^HTTP\/1.1 200/ : /^HTTP\/1.1 101/);
    }
    expect(reached).toBe(2);
  },
);

it('a shell whose client went away while its workspace woke is not begun, and one that waits gets what it sent early', async () => {
  await using stack = new AsyncDisposableStack();
  const test = await testDatabase();
  stack.defer(() => test.close());
  const { token, access } = await givenToken(test, stack);
  let asleep = true;
  const begun: string[] = [];
  const gateway = stack.use(
    await createGateway({
      access: {
        ...access,
        findWorkspace: async () => ({ id: workspaceId, organizationId: 'acme', servable: !asleep, asleep }),
      },
      wake: async () => undefined,
      driver: {
        upstream: async () => ({
          kind: 'handler',
          handle: () => undefined,
          upgrade: (request, socket, head) => {
            begun.push(request.url ?? '');
            socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
            socket.write(head);
            socket.pipe(socket);
          },
        }),
      },
      audit: accessAudit(test.database, silentLogger),
      clock: systemClock,
      log: silentLogger,
    }),
  );
  const server = createServer({ shouldUpgradeCallback: gateway.upgrades });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
    gateway.upgrade(request, socket, head),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stack.defer(() => void server.close());
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const shell = (name: string) => {
    const client = connect(port, '127.0.0.1');
    stack.defer(() => void client.destroy());
    client.write(
      `POST /k8s/workspaces/${workspaceId}/api/v1/namespaces/default/pods/${name}/exec HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Length: 0\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n`,
    );
    return client;
  };
  const impatient = shell('impatient');
  const patient = shell('patient');
  await expect.poll(() => gateway.stats().held).toBe(2);
  patient.write('early');
  // As when somebody presses Ctrl-C: an orderly end, with nothing after it.
  impatient.end();
  await expect.poll(() => gateway.stats().held, { timeout: 5_000 }).toBe(1);
  asleep = false;
  let answer = '';
  patient.on('data', (chunk) => (answer += String(chunk)));
  await expect.poll(() => answer, { timeout: 5_000 }).toMatch(/^HTTP\/1.1 101 .*early$/s);
  patient.write(' and late');
  await expect.poll(() => answer).toMatch(/early and late$/);
  expect(begun).toEqual([expect.stringContaining('/pods/patient/exec')]);
});

/** The token of somebody for the workspace. */
async function givenToken({ database: db, masterKey }: TestDatabase, stack: AsyncDisposableStack) {
  const identity = stack.use(await openIdentity({ db, masterKey, issuer, clock: systemClock }));
  const organizationId = newId<'Organization'>();
  const user = await db.asIdentity(async (tx) => {
    await sql`INSERT INTO hexabase.organizations (id, slug, name, plan) VALUES (${organizationId}, 'acme', 'Acme', 'enterprise')`.execute(
      tx,
    );
    return createUser(tx, { email: 'ann@example.test', displayName: 'Ann', password: null }, Date.now());
  });
  await db.asWorker((tx) =>
    sql`INSERT INTO hexabase.workspaces (id, uid, organization_id, slug, name, plan, region, isolation, phase)
      VALUES (${workspaceId}, ${newId()}, ${organizationId}, 'mine', 'mine', 'starter', 'local', 'shared', 'active')`.execute(
      tx,
    ),
  );
  const device = { userAgent: null, address: '127.0.0.1', deviceId: null };
  const { accessToken } = await identity.startSession(user.id, device);
  const actor = await identity.authenticate(accessToken);
  const epoch = await db.asIdentity((tx) => readEpoch(tx, user.id));
  const { token } = await identity.mintKubeToken({ actor, workspaceId, groups: [], epoch });
  return { token, access: kubeAccess({ keys: identity.keys, issuer, clock: systemClock, db }) };
}
