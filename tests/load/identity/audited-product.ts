import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import type { OperationCall } from '@hexabase/contract/call.ts';
import { organization } from '@hexabase/contract/organization.ts';
import type { Actor } from '@hexabase/kernel/actor.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { createUser } from '@hexabase/oidc/users.ts';
import { compose, type Product } from '@hexabase/server/compose.ts';
import { givenOrganization } from '@hexabase/testkit/given.ts';
import { sql } from 'kysely';
import { Client } from 'pg';
import { readHostSettings } from '../../../apps/server/src/hosts/host-settings.ts';
import type { AuditedProduct, Rounds } from './audit.ts';
import { inTurn } from './in-turn.ts';
import { onceUnused } from './program.ts';

/**
 * `node audited-product.ts '{"folder": …, "rounds": …, "warmUpRounds": …}'`: the product as it is composed, on its embedded
 * PostgreSQL. First it measures changes in its own process; then it serves the API twice, once without audit entries.
 */
const { folder, ...rounds }: Rounds & { folder: string } = JSON.parse(process.argv[2] ?? '');
const without = new AsyncLocalStorage<true>();
keepBackEntries();
const product = await compose({
  config: {
    dataDir: folder,
    configFile: join(folder, 'config.yaml'),
    listen: 'localhost',
    logLevel: 'error',
    deletionGraceMinutes: 0,
    warmPool: {},
    passwords: 'on',
    addMembers: 'anybody',
    mailFrom: 'Hexabase AI <noreply@localhost>',
    hosts: readHostSettings({}, {}, {}),
  },
  ports: { http: 1, https: 2 },
  masterKey: Buffer.alloc(32, 7),
  log: silentLogger,
});
const { actor, token, organizationId } = await givenOwner(product);
const alone = await inTurn(rounds, [
  (name) => product.execute(rename(actor, name)),
  (name) => without.run(true, () => product.execute(rename(actor, name))),
]);
await product.http.ready();
const urls = [
  await listen(product.http.routing),
  await listen((request, response) => without.run(true, () => product.http.routing(request, response))),
];
const said: AuditedProduct = { alone, urls, token, organizationId };
process.stdout.write(`${JSON.stringify(said)}\n`);
onceUnused(() => void expectEntries().then((right) => process.exit(right ? 0 : 1)));

/** Within `without`, the one INSERT is answered here and does not reach the database. */
function keepBackEntries(): void {
  const { query } = Client.prototype;
  Object.assign(Client.prototype, {
    query(...given: unknown[]): unknown {
      const [statement] = given;
      const text =
        statement !== null && typeof statement === 'object' ? Reflect.get(statement, 'text') : statement;
      if (without.getStore() && typeof text === 'string' && /^\s*insert into audit_entries/.test(text)) {
        return Promise.resolve({ command: 'INSERT', rowCount: 1, rows: [] });
      }
      return Reflect.apply(query, this, given);
    },
  });
}

async function givenOwner({
  database,
  identity,
  clock,
}: Product): Promise<{ actor: Actor; token: string; organizationId: string }> {
  const organizationId = await givenOrganization(database);
  const email = 'owner@example.test';
  const { id: userId } = await database.asIdentity((tx) =>
    createUser(tx, { email, displayName: 'Owner', password: null }, clock.now()),
  );
  await database.asIdentity((tx) =>
    sql`insert into memberships (organization_id, user_id, role) values (${organizationId}, ${userId}, 'owner')`.execute(
      tx,
    ),
  );
  const device = { userAgent: null, address: '127.0.0.1', deviceId: null };
  const { accessToken } = await identity.startSession(userId, device);
  const actor = {
    userId,
    email,
    sessionId: newId<'Session'>(),
    platformRole: null,
    memberships: [{ organizationId, role: 'owner' as const }],
  };
  return { actor, token: accessToken, organizationId };
}

function rename(actor: Actor, name: string): OperationCall {
  return {
    operation: organization.operations.update,
    actor,
    params: { id: organizationId },
    query: {},
    body: { name },
    requestId: newId(),
    idempotencyKey: null,
    ifMatch: null,
    signal: new AbortController().signal,
  };
}

async function listen(handle: Product['http']['routing']): Promise<string> {
  const server = createServer(handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
}

/** Neither fewer than one of two changes, for then nothing was measured, nor more. */
async function expectEntries(): Promise<boolean> {
  const { rows } = await product.database.asWorker((tx) =>
    sql<{
      many: number;
    }>`select count(*)::float8 as many from audit_entries where action = 'organization.update'`.execute(tx),
  );
  const wanted = 2 * (rounds.rounds + rounds.warmUpRounds);
  if (rows[0]?.many !== wanted)
    process.stderr.write(`there are ${rows[0]?.many} audit entries, not ${wanted}\n`);
  return rows[0]?.many === wanted;
}
