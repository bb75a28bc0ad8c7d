import { createHash, randomBytes } from 'node:crypto';
import { Client, escapeIdentifier } from 'pg';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { clientConfig, databaseUrl, endpointAs, type Endpoint } from '@hexabase/postgres/connection.ts';
import { migrateUp, productMigrations, type Migration } from '@hexabase/postgres/migrate.ts';
import { connectDatabase, type OpenedDatabase } from '@hexabase/postgres/open-database.ts';
import { openToRoles } from '@hexabase/postgres/provision.ts';
import { testMasterKey, testServer } from './test-server.ts';

export interface TestDatabase extends AsyncDisposable {
  database: OpenedDatabase;
  /** As the superuser, for setting up and looking behind row-level security. */
  admin: Endpoint;
  adminUrl: string;
  ownerUrl: string;
  masterKey: Uint8Array;
  close(): Promise<void>;
}

export interface TestDatabaseOptions {
  /** Migrations of other libraries, applied after the product's. */
  migrations?: readonly Migration[];
}

/** Serializes the making of templates; held on the server's own database, so it holds between all threads. */
const templateLock = 7_239_003;

/**
 * A fresh, migrated database on a real PostgreSQL that this test process starts once. Takes about 30 ms, as it is copied
 * from a template. Without `fsync`: tests of durability start a server of their own.
 */
export async function testDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const server = await testServer();
  const template = await ensureTemplate(server, options.migrations ?? []);
  const name = `test_${randomBytes(6).toString('hex')}`;
  await onServer(server, async (client) => {
    await client.query(`create database ${name} template ${escapeIdentifier(template)}`);
    await openToRoles(client, name);
  });
  const admin = { ...server, database: name };
  const database = connectDatabase({
    admin,
    masterKey: testMasterKey,
    log: silentLogger,
    embedded: null,
    poolSizes: { api: 4, worker: 8, identity: 3 },
    idleTimeoutMs: 1_000,
  });
  const close = async () => {
    await database[Symbol.asyncDispose]();
    await onServer(server, (client) => client.query(`drop database if exists ${name} with (force)`));
  };
  return {
    database,
    admin,
    adminUrl: databaseUrl(admin),
    ownerUrl: databaseUrl(endpointAs(admin, 'hexabase_owner', testMasterKey)),
    masterKey: testMasterKey,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** An empty database with the roles but no migration, for tests of migrations. */
export async function emptyDatabase(): Promise<{ owner: Endpoint; admin: Endpoint; close(): Promise<void> }> {
  const server = await testServer();
  const name = `test_${randomBytes(6).toString('hex')}`;
  await onServer(server, async (client) => {
    await client.query(`create database ${name}`);
    await openToRoles(client, name);
  });
  const admin = { ...server, database: name };
  return {
    admin,
    owner: endpointAs(admin, 'hexabase_owner', testMasterKey),
    close: () =>
      onServer(
        server,
        async (client) => void (await client.query(`drop database if exists ${name} with (force)`)),
      ),
  };
}

async function ensureTemplate(server: Endpoint, extra: readonly Migration[]): Promise<string> {
  const all = [...(await productMigrations()), ...extra];
  const text = all
    .map(({ name, up }) => `${name} ${typeof up === 'function' ? up.toString() : up.join(';')}`)
    .join('\n');
  const name = `template_${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
  await onServer(server, async (client) => {
    const known = 'select 1 from pg_database where datname = $1';
    if ((await client.query(known, [name])).rowCount) return;
    await client.query('select pg_advisory_lock($1)', [templateLock]);
    if ((await client.query(known, [name])).rowCount) return;
    const half = `${name}_half`;
    await client.query(`drop database if exists ${half} with (force)`);
    await client.query(`create database ${half}`);
    await openToRoles(client, half);
    await migrateUp(endpointAs({ ...server, database: half }, 'hexabase_owner', testMasterKey), extra);
    await client.query(`alter database ${half} rename to ${name}`);
  });
  return name;
}

async function onServer<T>(server: Endpoint, run: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(clientConfig(server));
  await client.connect();
  try {
    return await run(client);
  } finally {
    await client.end();
  }
}
