import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { storeMigrations } from '@hexabase/kubernetes/store/migrations.ts';
import { openDatabase } from '@hexabase/postgres/open-database.ts';

/** Runs SQL and answers the rows' first column. */
export type Query = (sql: string) => Promise<string[]>;

/** Starts a PostgreSQL for the time of `use`, with every migration applied, and lets `use` ask it as the tables' owner. */
export async function withFreshDatabase<T>(use: (query: Query) => Promise<T>): Promise<T> {
  const dataDir = await mkdtemp(join(tmpdir(), 'hks-schema-'));
  try {
    await using database = await openDatabase({
      connection: { kind: 'embedded', dataDir },
      masterKey: randomBytes(32),
      log: silentLogger,
      migrations: storeMigrations,
    });
    const pool = database.openPool('hexabase_owner', 1);
    return await use(async (sql) => {
      const { rows } = await pool.query<[string]>({ text: sql, rowMode: 'array' });
      return rows.map(([first]) => first);
    });
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}
