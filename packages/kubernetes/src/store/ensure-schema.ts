import type { Pool } from 'pg';
import { storeMigrations } from './migrations.ts';

/** Any number that other programs on the same database are unlikely to use. */
const schemaLock = 7_239_104;

/** For stand-alone use: makes the schema `kube` and applies what is missing. Safe to repeat, also at the same time. */
export async function ensureSchema(pool: Pool): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query('select pg_advisory_xact_lock($1)', [schemaLock]);
    await client.query('create schema if not exists kube');
    await client.query('create table if not exists kube.migrations (name text primary key)');
    const { rows } = await client.query<{ name: string }>('select name from kube.migrations');
    const applied = new Set(rows.map(({ name }) => name));
    for (const { name, up } of storeMigrations.filter((step) => !applied.has(step.name))) {
      for (const statement of up) await client.query(statement);
      await client.query('insert into kube.migrations (name) values ($1)', [name]);
    }
    await client.query('commit');
    client.release();
  } catch (error) {
    client.release(true);
    throw error;
  }
}
