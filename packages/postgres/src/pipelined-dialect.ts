import { setImmediate as turn } from 'node:timers/promises';
import { CompiledQuery, PostgresDialect, type DatabaseConnection, type Dialect, type Driver } from 'kysely';
import type { Pool } from 'pg';

/** Statements whose answer nobody reads; see `ahead`. */
const unread = new WeakSet<CompiledQuery>();

/**
 * A statement that is sent without waiting for its answer, so that the next one travels with it. When it fails the
 * transaction is aborted: every later statement of it fails too, and so does its commit.
 */
export function ahead(text: string, values: unknown[]): CompiledQuery {
  const query = CompiledQuery.raw(text, values);
  unread.add(query);
  return query;
}

/**
 * PostgreSQL over connections in pipeline mode: BEGIN and what goes `ahead` share one round trip with the next statement
 * that is read, or with COMMIT. On a machine that the server shares with its database a round trip costs two changes of process.
 */
export function pipelinedDialect(pool: Pool): Dialect {
  const dialect = new PostgresDialect({ pool });
  return {
    createDriver: () => pipelined(dialect.createDriver()),
    createAdapter: () => dialect.createAdapter(),
    createIntrospector: (db) => dialect.createIntrospector(db),
    createQueryCompiler: () => dialect.createQueryCompiler(),
  };
}

function pipelined(driver: Driver): Driver {
  const sent = new WeakMap<DatabaseConnection, Promise<unknown>[]>();
  const remember = (connection: DatabaseConnection, answer: Promise<unknown>): void => {
    answer.catch(() => undefined);
    sent.get(connection)?.push(answer);
  };
  return {
    init: (options) => driver.init(options),
    async acquireConnection(options) {
      const connection = await driver.acquireConnection(options);
      if (sent.has(connection)) return connection;
      sent.set(connection, []);
      const execute = connection.executeQuery.bind(connection);
      connection.executeQuery = async (query, given) => {
        if (!unread.has(query)) return execute(query, given);
        remember(connection, execute(query, given));
        return { rows: [] };
      };
      return connection;
    },
    async beginTransaction(connection, settings) {
      sent.set(connection, []);
      remember(connection, driver.beginTransaction(connection, settings));
    },
    async commitTransaction(connection) {
      const answers = Promise.all(sent.get(connection) ?? []);
      // What cannot even be sent has failed after this turn. What PostgreSQL refuses turns the COMMIT into a ROLLBACK.
      await Promise.race([answers, turn()]);
      const committing = driver.commitTransaction(connection);
      committing.catch(() => undefined);
      await answers;
      await committing;
    },
    rollbackTransaction: (connection) => driver.rollbackTransaction(connection),
    releaseConnection: (connection, options) => driver.releaseConnection(connection, options),
    destroy: (options) => driver.destroy(options),
  };
}
