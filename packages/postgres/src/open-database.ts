import { sql } from 'kysely';
import type { Pool } from 'pg';
import { AppError, isAppError } from '@hexabase/kernel/errors.ts';
import { WrongKeyError } from '@hexabase/kernel/key-vault.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import {
  DatabaseUrlError,
  endpointAs,
  parseDatabaseUrl,
  rolePassword,
  type DatabaseRole,
  type Endpoint,
} from './connection.ts';
import { mapDatabaseError, sqlState } from './database-errors.ts';
import type { Database } from './database.ts';
import { superuser } from './embedded/initialize.ts';
import { startEmbedded, type EmbeddedServer } from './embedded/server.ts';
import { NotificationHub } from './listener.ts';
import { migrateUp, type Migration } from './migrate.ts';
import { ensureDatabase, provisionRoles } from './provision.ts';
import { requireKey } from './require-key.ts';
import { createPool, defaultPoolSizes, openRolePool, type PoolLimits, type PoolSizes } from './role-pool.ts';

export interface DatabaseOptions {
  connection: { kind: 'embedded'; dataDir: string } | { kind: 'url'; url: string };
  /** The installation's secret; the roles' passwords are derived from it. */
  masterKey: Uint8Array;
  log: Logger;
  /** Migrations of other libraries, applied after the product's. */
  migrations?: readonly Migration[];
  /** `skip` leaves the schema alone, for installations that migrate before the roll-out. */
  migrate?: 'apply' | 'skip';
  /** Connections per role. */
  poolSizes?: Partial<PoolSizes>;
}

/** The database with what only the composition of the process may use. */
export interface OpenedDatabase extends Database {
  /** For the migration command. */
  readonly owner: Endpoint;
  /** A pool of a role's own, for a library that speaks SQL by itself. It is closed with the database. */
  openPool(role: DatabaseRole, max: number): Pool;
  /** Null when the server is not ours. */
  readonly embedded: EmbeddedServer | null;
}

const pingMsMax = 2_000;
const databaseName = 'hexabase';

/**
 * Starts the embedded server or connects to a given one, makes roles, migrates, and opens the doors of each role.
 * Throws an Error that says what to change when the server or its folder cannot be used, `DatabaseUrlError` for a server
 * of somebody else's.
 */
export async function openDatabase(options: DatabaseOptions): Promise<OpenedDatabase> {
  await using cleanup = new AsyncDisposableStack();
  const { admin, embedded } = await reach(options);
  if (embedded) cleanup.use(embedded);
  await requireKey(admin, options.masterKey).catch((error: unknown) => {
    throw options.connection.kind === 'url' ? orUnusable(admin, error) : error;
  });
  await provisionRoles(admin, options.masterKey);
  const owner = endpointAs(admin, 'hexabase_owner', options.masterKey);
  if (options.migrate !== 'skip') await migrateUp(owner, options.migrations);
  const database = connectDatabase({ ...options, admin, embedded });
  cleanup.move();
  return database;
}

export interface ConnectOptions {
  admin: Endpoint;
  masterKey: Uint8Array;
  log: Logger;
  embedded: EmbeddedServer | null;
  poolSizes?: Partial<PoolSizes>;
  idleTimeoutMs?: number;
}

/** Opens the doors of a database that is provisioned and migrated already; disposing it stops `embedded` too. */
export function connectDatabase(options: ConnectOptions): OpenedDatabase {
  const { admin, masterKey, log } = options;
  const sizes = { ...defaultPoolSizes, ...options.poolSizes };
  const endpoint = (role: DatabaseRole) => endpointAs(admin, role, masterKey);
  const limits = (max: number): PoolLimits => ({
    max,
    idleTimeoutMs: options.idleTimeoutMs ?? 30_000,
    statementTimeoutMs: 30_000,
  });
  const resources = new AsyncDisposableStack();
  if (options.embedded) resources.use(options.embedded);
  const hub = resources.use(new NotificationHub(endpoint('hexabase_worker'), log));
  const api = resources.use(openRolePool(endpoint('hexabase_api'), limits(sizes.api), log));
  const worker = resources.use(openRolePool(endpoint('hexabase_worker'), limits(sizes.worker), log));
  const identity = resources.use(openRolePool(endpoint('hexabase_identity'), limits(sizes.identity), log));

  return {
    owner: endpoint('hexabase_owner'),
    embedded: options.embedded,
    openPool: (role, max) =>
      resources.adopt(createPool(endpoint(role), limits(max), log), (pool) => pool.end()),
    asTenant: (scope, run, transaction) => api.transaction(run, { ...transaction, scope }),
    asWorker: (run, transaction) => worker.transaction(run, transaction),
    asIdentity: (run, transaction) => identity.transaction(run, transaction),
    listen: (channel, listener) =>
      hub.listen(channel, listener).catch((error: unknown) => {
        throw mapDatabaseError(error);
      }),
    ping: () => withDeadline(worker.transaction((tx) => sql`select 1`.execute(tx))),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

async function reach(
  options: DatabaseOptions,
): Promise<{ admin: Endpoint; embedded: EmbeddedServer | null }> {
  const { connection, masterKey, log } = options;
  if (connection.kind === 'url') return { admin: parseDatabaseUrl(connection.url), embedded: null };
  const password = rolePassword(masterKey, superuser);
  const embedded = await startEmbedded({ dataDir: connection.dataDir, password, log });
  const admin = {
    host: embedded.host,
    port: embedded.port,
    user: superuser,
    password,
    database: databaseName,
  };
  try {
    await ensureDatabase({ ...admin, database: 'postgres' }, databaseName);
  } catch (error) {
    await embedded[Symbol.asyncDispose]();
    // The superuser's password was made from the key of the first start.
    throw sqlState(error) === '28P01' ? new WrongKeyError({ cause: error }) : error;
  }
  return { admin, embedded };
}

/** PostgreSQL, appendix A: who or which database is not taken. */
const refusesUs = /^(28...|3D000)$/;

/** What the first question to a server was answered with, as `DatabaseUrlError` where it comes from the address that was given. */
function orUnusable({ host, port, database, user }: Endpoint, error: unknown): unknown {
  const code = sqlState(error) ?? '';
  if (!refusesUs.test(code) && !isAppError(mapDatabaseError(error), 'database_unavailable')) return error;
  const why = (error instanceof Error && error.message) || code;
  const place = `${host}:${port}/${database} as ${user}`;
  return new DatabaseUrlError(`The database of DATABASE_URL cannot be used (${place}): ${why}`, {
    cause: error,
  });
}

async function withDeadline(work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new AppError('database_unavailable')), pingMsMax);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
