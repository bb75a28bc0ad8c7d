import { storeMigrations } from '@hexabase/kubernetes/store/migrations.ts';
import { clientConfig, databaseRoles } from '@hexabase/postgres/connection.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let db: TestDatabase;
let client: Client;

beforeAll(async () => {
  db = await testDatabase({ migrations: storeMigrations });
  client = new Client(clientConfig(db.admin));
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await db.close();
});

const productTables = `pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'hexabase' and c.relkind in ('r', 'p')`;

async function names(sql: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(sql);
  return rows.map((row) => row.name);
}

describe('row-level security', () => {
  it('is forced on every table of the product, so on every one that names an organization', async () => {
    expect((await names(`select c.relname as name from ${productTables}`)).length).toBeGreaterThan(10);
    expect(
      await names(
        `select c.relname as name from ${productTables} and not (c.relrowsecurity and c.relforcerowsecurity)`,
      ),
    ).toEqual([]);
  });

  it('shows requests nothing of a table that names an organization unless it asks whose request it is', async () => {
    const open = await names(`
      select c.relname as name from ${productTables}
        and exists (select 1 from pg_attribute a where a.attrelid = c.oid and a.attname = 'organization_id' and not a.attisdropped)
        and exists (
          select 1 from pg_policy p where p.polrelid = c.oid and 'hexabase_api'::regrole = any (p.polroles)
            and pg_get_expr(p.polqual, p.polrelid) !~ 'scope_|^false$')`);
    expect(open).toEqual([]);
  });

  it('cannot be stepped around: no role of the product is superuser, bypasses it or owns a table that requests use', async () => {
    expect(
      await names(
        `select rolname as name from pg_roles where rolname = any ('{${databaseRoles.join(',')}}') and (rolsuper or rolbypassrls)`,
      ),
    ).toEqual([]);
    const owners = await names(`select distinct pg_get_userbyid(c.relowner) as name from ${productTables}`);
    expect(owners).toEqual(['hexabase_owner']);
  });
});
