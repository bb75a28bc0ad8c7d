import { readdir } from 'node:fs/promises';
import { Client } from 'pg';
import { clientConfig, type Endpoint } from './connection.ts';

/** SQL statements, or a function for what needs a decision. All of a step runs in one transaction. */
export type MigrationStep = readonly string[] | ((client: MigrationClient) => Promise<void>);

export interface MigrationClient {
  query(text: string, values?: unknown[]): Promise<{ rows: Record<string, unknown>[] }>;
}

export interface Migration {
  name: string;
  up: MigrationStep;
  down: MigrationStep;
}

export interface MigrationStatus {
  name: string;
  appliedAt: Date | null;
}

/** Two replicas that start together must not migrate together. */
const migrationLock = 7_239_002;

/** Applies what is missing, in the order of the list; answers the names. `extra` runs after the product's own. */
export async function migrateUp(owner: Endpoint, extra: readonly Migration[] = []): Promise<string[]> {
  const list = [...(await productMigrations()), ...extra];
  return locked(owner, async (client) => {
    const applied = new Set((await appliedRows(client)).map((row) => row.name));
    const missing = list.filter((migration) => !applied.has(migration.name));
    for (const migration of missing) {
      await inTransaction(client, migration.name, async () => {
        await runStep(client, migration.up);
        await client.query('insert into hexabase_migrations.applied (name) values ($1)', [migration.name]);
      });
    }
    return missing.map((migration) => migration.name);
  });
}

/** Takes back the last `count` migrations, newest first; answers the names. */
export async function migrateDown(
  owner: Endpoint,
  count: number,
  extra: readonly Migration[] = [],
): Promise<string[]> {
  const known = new Map(
    [...(await productMigrations()), ...extra].map((migration) => [migration.name, migration]),
  );
  return locked(owner, async (client) => {
    const last = (await appliedRows(client)).reverse().slice(0, count);
    for (const { name } of last) {
      const migration = known.get(name);
      if (!migration)
        throw new Error(`Migration ${name} was applied by another version; use that one to take it back.`);
      await inTransaction(client, name, async () => {
        await runStep(client, migration.down);
        await client.query('delete from hexabase_migrations.applied where name = $1', [name]);
      });
    }
    return last.map((row) => row.name);
  });
}

/** Every known migration, and those that another version applied. */
export async function migrationStatus(
  owner: Endpoint,
  extra: readonly Migration[] = [],
): Promise<MigrationStatus[]> {
  const list = [...(await productMigrations()), ...extra];
  return locked(owner, async (client) => {
    const applied = new Map((await appliedRows(client)).map((row) => [row.name, row.appliedAt]));
    const names = new Set([...list.map((migration) => migration.name), ...applied.keys()]);
    return [...names].map((name) => ({ name, appliedAt: applied.get(name) ?? null }));
  });
}

/** The product's migrations: each file `migrations/NNNN-<noun>.ts`, in the order of its number. */
export async function productMigrations(): Promise<Migration[]> {
  const folder = new URL('./migrations/', import.meta.url);
  const files = (await readdir(folder)).filter((file) => /^\d{4}-[a-z0-9-]+\.(ts|js)$/.test(file)).sort();
  return Promise.all(
    files.map(async (file) => {
      const module: unknown = await import(new URL(file, folder).href);
      return parseMigration(file.replace(/\.(ts|js)$/, ''), module);
    }),
  );
}

function parseMigration(name: string, module: unknown): Migration {
  if (module !== null && typeof module === 'object' && 'up' in module && 'down' in module) {
    const { up, down } = module;
    if (isStep(up) && isStep(down)) return { name, up, down };
  }
  throw new Error(`Migration ${name} must export up and down`);
}

function isStep(value: unknown): value is MigrationStep {
  return (
    typeof value === 'function' || (Array.isArray(value) && value.every((item) => typeof item === 'string'))
  );
}

async function locked<T>(owner: Endpoint, run: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(clientConfig(owner));
  await client.connect();
  try {
    await client.query('set client_min_messages = warning');
    await client.query('select pg_advisory_lock($1)', [migrationLock]);
    await client.query('create schema if not exists hexabase_migrations');
    await client.query(
      `create table if not exists hexabase_migrations.applied (
         name text primary key,
         position bigint generated always as identity,
         applied_at timestamptz not null default now()
       )`,
    );
    return await run(client);
  } finally {
    await client.end();
  }
}

async function appliedRows(client: Client): Promise<{ name: string; appliedAt: Date }[]> {
  const { rows } = await client.query<{ name: string; appliedAt: Date }>(
    'select name, applied_at as "appliedAt" from hexabase_migrations.applied order by position',
  );
  return rows;
}

async function runStep(client: Client, step: MigrationStep): Promise<void> {
  if (typeof step === 'function') return step(client);
  for (const statement of step) await client.query(statement);
}

async function inTransaction(client: Client, name: string, run: () => Promise<void>): Promise<void> {
  await client.query('begin');
  try {
    await run();
    await client.query('commit');
  } catch (cause) {
    await client.query('rollback');
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Migration ${name} failed and was taken back: ${reason}`, { cause });
  }
}
