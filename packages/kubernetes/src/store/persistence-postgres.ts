import type { Pool } from 'pg';
import type { Persistence } from './persistence.ts';
import { createClients } from './postgres/clients.ts';
import { fenced } from './postgres/fences.ts';
import { createClusterRows } from './postgres/cluster-rows.ts';
import { commitStatement, commitValues } from './postgres/commit-statement.ts';
import { compact } from './postgres/compact.ts';
import { loadRows, removeRows } from './postgres/load-cluster.ts';

/**
 * Keeps clusters in the schema `kube` of PostgreSQL 15 or newer. The pool stays the caller's: end it after the stores.
 * Needs two connections at most at a time for writing, more only for loading several clusters at once.
 * Errors: AppError `storage_full`, or `database_unavailable` with the driver's error as cause.
 */
export function createPostgresPersistence(pool: Pool): Persistence {
  const clients = createClients(pool);
  return {
    ...createClusterRows(clients),
    removeCluster: (id, fence) =>
      fenced(clients, { id, fence: fence ?? null }, (client) => removeRows(client, id)),
    load: (id, options) => clients.transaction((client) => loadRows(client, { id, ...options })),
    compact: (keep) => clients.run((client) => compact(client, keep)),
    commit: (batch) =>
      clients.run(async (client) => {
        const { rows } = await client.query<{ id: string }>({
          name: 'kube-commit',
          text: commitStatement,
          values: commitValues(batch),
        });
        const accepted = new Set(rows.map(({ id }) => id));
        return { refused: new Set(batch.clusters.map(({ id }) => id).filter((id) => !accepted.has(id))) };
      }),
  };
}
