import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Client, escapeIdentifier } from 'pg';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { clientConfig, databaseUrl, endpointAs, rolePassword, type Endpoint } from '@hexabase/postgres/connection.ts';
import { superuser } from '@hexabase/postgres/embedded/initialize.ts';
import { startEmbedded } from '@hexabase/postgres/embedded/server.ts';
import { migrateUp, type Migration } from '@hexabase/postgres/migrate.ts';
import { connectDatabase, type OpenedDatabase } from '@hexabase/postgres/open-database.ts';
import { ensureDatabase, provisionRoles } from '@hexabase/postgres/provision.ts';

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

interface TestServer {
  admin: Endpoint;
  templates: Map<string, Promise<string>>;
}

const masterKey = Buffer.from('hexabase-test-master-key-0123456');

let server: Promise<TestServer> | null = null;
let counter = 0;

/**
 * A fresh, migrated database on a real PostgreSQL that this test process starts once. Takes about 20 ms, as it is copied
 * from a template. Without `fsync`: tests of durability start a server of their own.
 */
export async function testDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  server ??= startServer();
  const { admin, templates } = await server;
  const extra = options.migrations ?? [];
  const template = await remember(templates, extra.map((migration) => migration.name).join(','), () =>
    makeTemplate(admin, extra, `template_${++counter}`),
  );
  const name = `test_${++counter}`;
  await onServer(admin, `create database ${escapeIdentifier(name)} template ${escapeIdentifier(template)}`);
  const mine = { ...admin, database: name };
  await provisionRoles(mine, masterKey);
  const database = connectDatabase({
    admin: mine,
    masterKey,
    log: silentLogger,
    embedded: null,
    poolSizes: { api: 4, worker: 8, identity: 3 },
    idleTimeoutMs: 1_000,
  });
  const close = async () => {
    await database[Symbol.asyncDispose]();
    await onServer(admin, `drop database if exists ${escapeIdentifier(name)} with (force)`);
  };
  return {
    database,
    admin: mine,
    adminUrl: databaseUrl(mine),
    ownerUrl: databaseUrl(endpointAs(mine, 'hexabase_owner', masterKey)),
    masterKey,
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function startServer(): Promise<TestServer> {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'hks-test-'));
  await chmod(dataDir, 0o711);
  const password = rolePassword(masterKey, superuser);
  const running = await startEmbedded({
    dataDir,
    password,
    log: silentLogger,
    settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '150', autovacuum: 'off' },
  });
  endWithProcess(dataDir, () => running.pid());
  const admin = { host: running.host, port: running.port, user: superuser, password, database: 'postgres' };
  return { admin, templates: new Map() };
}

/** A test run has no point where it could await: the server is killed and its folder removed as the process or thread ends. */
function endWithProcess(dataDir: string, pid: () => number | null): void {
  const end = () => {
    const running = pid();
    try {
      if (running !== null) process.kill(running, 'SIGQUIT');
    } catch {
      // It ended already.
    }
    for (let attempt = 0; attempt < 3; attempt++) {
      try {
        rmSync(dataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
        return;
      } catch {
        // The dying server may still write into the folder that is being removed.
      }
    }
  };
  process.once('exit', end);
}

async function makeTemplate(admin: Endpoint, extra: readonly Migration[], name: string): Promise<string> {
  const unique = `${name}_${randomBytes(3).toString('hex')}`;
  await ensureDatabase(admin, unique);
  const mine = { ...admin, database: unique };
  await provisionRoles(mine, masterKey);
  await migrateUp(endpointAs(mine, 'hexabase_owner', masterKey), extra);
  return unique;
}

async function onServer(admin: Endpoint, statement: string): Promise<void> {
  const client = new Client(clientConfig(admin));
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

function remember<T>(known: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const found = known.get(key);
  if (found) return found;
  const made = make();
  known.set(key, made);
  return made;
}
