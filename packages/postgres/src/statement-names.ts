import type { Pool } from 'pg';
import { sqlState } from './database-errors.ts';

/**
 * Gives statements that come again a name, by which a connection keeps them parsed and, when PostgreSQL finds that as
 * good, planned: planning a query of many tables under row-level security takes longer than running it.
 */
export interface StatementNames {
  /** Connections of this pool use the names. */
  useOn(pool: Pool): void;
  /**
   * Whether an error came from keeping statements, so that the transaction is right when it runs again: a table has other
   * columns since, or a pooler in between keeps no statements for us, and then nobody gets a name any more.
   */
  explains(error: unknown): boolean;
}

/** PostgreSQL keeps some 20 KiB for each on each connection. */
const namedMax = 500;
const seenMax = 2_000;

/** PostgreSQL, appendix A: invalid_sql_statement_name, duplicate_prepared_statement. */
const unknownName = /^(26000|42P05)$/;

export function statementNames(): StatementNames {
  let seen = new Set<string>();
  let names = new Map<string, string>();
  let generation = 0;
  let off = false;

  /** Null for a text that was not seen before: many are sent once. */
  function nameOf(text: string): string | null {
    const known = names.get(text);
    if (known !== undefined) return known;
    if (off || names.size >= namedMax) return null;
    if (!seen.delete(text)) {
      if (seen.size < seenMax) seen.add(text);
      return null;
    }
    const name = `s${generation}_${names.size}`;
    names.set(text, name);
    return name;
  }

  function named(given: unknown[]): unknown[] {
    const [text, values] = given;
    // Without values it goes by the simple protocol, in one message.
    if (typeof text !== 'string' || !Array.isArray(values) || values.length === 0) return given;
    const name = nameOf(text);
    return name === null ? given : [{ name, text, values }];
  }

  return {
    useOn(pool) {
      pool.on('connect', (client) => {
        const query = client.query;
        client.query = (...given: unknown[]) => Reflect.apply(query, client, named(given));
      });
    },
    explains(error) {
      const code = sqlState(error) ?? '';
      const isForgotten = unknownName.test(code);
      const isOutdated = code === '0A000' && error instanceof Error && error.message.includes('cached plan');
      if (!isForgotten && !isOutdated) return false;
      off ||= isForgotten;
      generation += 1;
      seen = new Set();
      names = new Map();
      return true;
    },
  };
}
