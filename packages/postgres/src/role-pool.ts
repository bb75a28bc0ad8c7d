import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kysely } from 'kysely';
import { Pool } from 'pg';
import type { Logger } from '@hexabase/kernel/log.ts';
import { clientConfig, type Endpoint } from './connection.ts';
import { isRepeatable, mapDatabaseError } from './database-errors.ts';
import type { TenantScope, TransactionOptions, Tx } from './database.ts';
import { ahead, pipelinedDialect } from './pipelined-dialect.ts';
import type { Schema } from './schema.ts';
import { statementNames } from './statement-names.ts';

/** Connections of each role. */
export interface PoolSizes {
  api: number;
  worker: number;
  identity: number;
}

export const defaultPoolSizes: PoolSizes = { api: 10, worker: 10, identity: 6 };

/**
 * What a request only reads is made for somebody who waits for it, and is given up after this; nothing is lost by that. A
 * change has as long as every other statement.
 */
const readTimeoutMs = 10_000;

export interface PoolLimits {
  max: number;
  idleTimeoutMs: number;
  /** A statement that runs longer is ended by the server. */
  statementTimeoutMs: number;
  /** Statements are sent without waiting for the answers before. Only for code that never needs one to go on. */
  pipeline?: boolean;
}

/** The connections of one role. */
export interface RolePool extends AsyncDisposable {
  transaction<T>(
    run: (tx: Tx) => Promise<T>,
    options?: TransactionOptions & { scope?: TenantScope },
  ): Promise<T>;
}

/** A pool of `pg` that survives lost connections; for code that speaks SQL by itself. */
export function createPool(endpoint: Endpoint, limits: PoolLimits, log: Logger): Pool {
  const pool = new Pool({
    ...clientConfig(endpoint),
    pipeline: limits.pipeline ?? false,
    max: limits.max,
    idleTimeoutMillis: limits.idleTimeoutMs,
    statement_timeout: limits.statementTimeoutMs,
    idle_in_transaction_session_timeout: limits.statementTimeoutMs,
  });
  // Without this handler an idle connection that breaks would end the process.
  // The error has the whole connection in it, with all its statements, which is nothing for a log.
  pool.on('error', ({ message }) =>
    log.warn({ reason: message, role: endpoint.user }, 'an idle database connection broke'),
  );
  // So would one that breaks within a transaction, between two statements: the next of them fails for it, which is enough.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/** The transaction that the code which runs now is part of. */
const inside = new AsyncLocalStorage<{ isOpen: boolean }>();

/** A mistake in the code that asks for it, which every request would meet: it is no answer to anybody. */
export class SecondConnectionError extends Error {
  override readonly name = 'SecondConnectionError';
  constructor() {
    super('a transaction asks for another connection: ask before it, or in a statement of its own');
  }
}

/** A transaction that lost against another one is run this often in all before its caller hears of it. */
const triesMax = 4;
const pauseMsMax = 25;

export function openRolePool(endpoint: Endpoint, limits: PoolLimits, log: Logger): RolePool {
  const pool = createPool(endpoint, { ...limits, pipeline: true }, log);
  const names = statementNames();
  names.useOn(pool);
  const kysely = new Kysely<Schema>({ dialect: pipelinedDialect(pool) });
  return {
    async transaction(run, options = {}) {
      // Whoever waits for a connection keeps what it has locked: enough of them wait for each other, and stop everybody.
      if (inside.getStore()?.isOpen) throw new SecondConnectionError();
      for (let tries = 1; ; tries += 1) {
        try {
          return await once(kysely, run, options);
        } catch (error) {
          const mayWin = names.explains(error) || isRepeatable(error);
          if (!mayWin || tries === triesMax) throw mapDatabaseError(error);
          // At once the first time; who loses again meets the same others, unless it waits for another moment.
          if (tries > 1) await sleep(Math.random() * pauseMsMax * tries);
        }
      }
    },
    [Symbol.asyncDispose]: () => kysely.destroy(),
  };
}

async function once<T>(
  kysely: Kysely<Schema>,
  run: (tx: Tx) => Promise<T>,
  options: TransactionOptions & { scope?: TenantScope },
): Promise<T> {
  options.signal?.throwIfAborted();
  const here = { isOpen: true };
  try {
    return await inside.run(here, () => onConnection(kysely, run, options));
  } finally {
    // What was begun inside and goes on afterwards is inside no more.
    here.isOpen = false;
  }
}

async function onConnection<T>(
  kysely: Kysely<Schema>,
  run: (tx: Tx) => Promise<T>,
  options: TransactionOptions & { scope?: TenantScope },
): Promise<T> {
  if (options.oneStatement && !options.scope) return kysely.connection().execute(run);
  const builder = options.readOnly ? kysely.transaction().setAccessMode('read only') : kysely.transaction();
  return builder.execute(async (tx) => {
    if (options.scope) await setScope(tx, options.scope, options.readOnly ?? false);
    const result = await run(tx);
    // Whoever gave up must not find the change made later.
    options.signal?.throwIfAborted();
    return result;
  });
}

async function setScope(tx: Tx, scope: TenantScope, readOnly: boolean): Promise<void> {
  const scoped =
    "select set_config('hexabase.user_id', $1, true), set_config('hexabase.organization_ids', $2, true)";
  const values = [scope.userId ?? '', scope.organizationIds.join(',')];
  await tx.executeQuery(
    readOnly
      ? ahead(`${scoped}, set_config('statement_timeout', $3, true)`, [...values, String(readTimeoutMs)])
      : ahead(scoped, values),
  );
}
