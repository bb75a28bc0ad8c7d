import { AppError, isAppError } from '@hexabase/kernel/errors.ts';
import type { Pool, PoolClient } from 'pg';
import { StaleFenceError } from '../../stale-fence.ts';

/** Connections of the caller's pool, each for one piece of work. Errors become `database_unavailable` or `storage_full`. */
export interface Clients {
  run<T>(work: (client: PoolClient) => Promise<T>): Promise<T>;
  transaction<T>(work: (client: PoolClient) => Promise<T>): Promise<T>;
  query<Row extends object>(text: string, values: unknown[]): Promise<Row[]>;
}

/** Connections that were prepared, by any persistence on the same pool. */
const known = new WeakSet<PoolClient>();

export function createClients(pool: Pool): Clients {
  async function run<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    let client: PoolClient | undefined;
    try {
      client = await pool.connect();
      if (!known.has(client)) await prepare(client);
      const result = await work(client);
      client.release();
      return result;
    } catch (error) {
      client?.release(true);
      throw translate(error);
    }
  }

  return {
    run,
    transaction: (work) => run((client) => inTransaction(client, () => work(client))),
    query: <Row extends object>(text: string, values: unknown[]) =>
      run(async (client) => (await client.query<Row>(text, values)).rows),
  };
}

async function prepare(client: PoolClient): Promise<void> {
  known.add(client);
  // While it is lent, nobody else listens, and an error event that nobody hears ends the process. The query fails anyway.
  client.on('error', () => undefined);
  // Planning anew for each batch would cost more than running it.
  await client.query('set plan_cache_mode = force_generic_plan');
}

async function inTransaction<T>(client: PoolClient, run: () => Promise<T>): Promise<T> {
  await client.query('begin');
  const result = await run();
  await client.query('commit');
  return result;
}

function translate(error: unknown): unknown {
  if (isAppError(error) || error instanceof StaleFenceError) return error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return new AppError(code === '53100' || code === 'ENOSPC' ? 'storage_full' : 'database_unavailable', {
    cause: error,
  });
}
