import { Client } from 'pg';
import { expect, test } from 'vitest';
import { clientConfig } from './connection.ts';
import { migrateDown, migrateUp, migrationStatus } from './migrate.ts';
import { emptyDatabase } from '@hexabase/testkit/test-database.ts';

test('every migration can be taken back and applied again', async () => {
  const { owner, close } = await emptyDatabase();
  const applied = await migrateUp(owner);
  expect(applied).toContain('0001-foundation');
  expect(await migrateUp(owner)).toEqual([]);
  expect((await migrationStatus(owner)).every((row) => row.appliedAt !== null)).toBe(true);
  expect(await migrateDown(owner, applied.length)).toEqual([...applied].reverse());
  expect(await migrateUp(owner)).toEqual(applied);
  await close();
});

test('a migration that fails leaves nothing behind', async () => {
  const { owner, close } = await emptyDatabase();
  const broken = {
    name: '9000-broken',
    up: ['create table hexabase.half (id int)', 'select nonsense'],
    down: [],
  };
  await expect(migrateUp(owner, [broken])).rejects.toThrow(/9000-broken/);
  expect((await migrationStatus(owner, [broken])).at(-1)).toEqual({ name: '9000-broken', appliedAt: null });
  const fixed = {
    name: '9001-fixed',
    up: ['create table hexabase.half (id int)'],
    down: ['drop table hexabase.half'],
  };
  expect(await migrateUp(owner, [fixed])).toEqual(['9001-fixed']);
  await close();
});

test('two replicas that start together migrate once', async () => {
  const { owner, close } = await emptyDatabase();
  const results = await Promise.all([migrateUp(owner), migrateUp(owner)]);
  expect(results.filter((applied) => applied.length > 0)).toHaveLength(1);
  await close();
});

test('every table is closed by row-level security that holds for its owner too', async () => {
  const { owner, admin, close } = await emptyDatabase();
  await migrateUp(owner);
  const client = new Client(clientConfig(admin));
  await client.connect();
  const { rows } = await client.query<{ name: string; open: boolean }>(
    `select n.nspname || '.' || c.relname as name, not (c.relrowsecurity and c.relforcerowsecurity) as open
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and n.nspname in ('hexabase', 'oidc')`,
  );
  const bypass = await client.query(
    `select rolname from pg_roles where rolname like 'hexabase\\_%' and rolname <> 'hexabase_root' and (rolsuper or rolbypassrls or rolcreaterole)`,
  );
  await client.end();
  await close();
  expect(rows.length).toBeGreaterThan(7);
  expect(rows.filter((row) => row.open)).toEqual([]);
  expect(bypass.rows).toEqual([]);
});
