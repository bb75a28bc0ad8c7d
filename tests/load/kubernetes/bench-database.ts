import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { ensureSchema } from '@hexabase/kubernetes/store/ensure-schema.ts';
import { superuser } from '@hexabase/postgres/embedded/initialize.ts';
import { startEmbedded } from '@hexabase/postgres/embedded/server.ts';
import { Pool } from 'pg';

export interface BenchDatabase extends AsyncDisposable {
  pool: Pool;
  /** Process id of the database server. */
  serverPid: number | null;
}

/** A PostgreSQL of its own with the product's durable settings, in a temporary folder that is removed afterwards. */
export async function benchDatabase(): Promise<BenchDatabase> {
  const dataDir = await mkdtemp(path.join(os.tmpdir(), 'hexabase-bench-'));
  const password = 'benchmark';
  const server = await startEmbedded({ dataDir, password, log: silentLogger });
  const pool = new Pool({
    host: server.host,
    port: server.port,
    user: superuser,
    password,
    database: 'postgres',
    max: 8,
  });
  // The server ends while connections are still being closed.
  pool.on('error', () => undefined);
  await ensureSchema(pool);
  return {
    pool,
    serverPid: server.pid(),
    async [Symbol.asyncDispose]() {
      await pool.end();
      await server[Symbol.asyncDispose]();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
