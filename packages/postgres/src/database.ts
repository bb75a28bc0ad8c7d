import type { OrganizationId, UserId } from '@hexabase/kernel/id.ts';
import type { Kysely } from 'kysely';
import type { Schema } from './schema.ts';

export type Tx = Kysely<Schema>;

/** Whose rows a transaction may see. Set by `set_config(…, true)`, compared by the row-level security of every table. */
export interface TenantScope {
  userId: UserId | null;
  organizationIds: readonly OrganizationId[];
}

export interface TransactionOptions {
  readOnly?: boolean;
  /** `run` sends one statement and no more, which PostgreSQL makes a transaction of its own: one round trip, not three. */
  oneStatement?: boolean;
  signal?: AbortSignal;
}

/**
 * The doors to the database; each is a login role of its own, none of which owns tables, is superuser or bypasses
 * row-level security. Every call is one transaction: committed when `run` resolves, rolled back when it throws.
 * None is entered inside another: that would wait for a connection while it holds one, with its locks, and throws
 * SecondConnectionError.
 * A lost connection becomes AppError `database_unavailable`, a full disk `storage_full`.
 */
export interface Database extends AsyncDisposable {
  /** Requests of people: row-level security limits them to `scope`. */
  asTenant<T>(scope: TenantScope, run: (tx: Tx) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Reconcilers and other background work: all tenants, only the tables they need. */
  asWorker<T>(run: (tx: Tx) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Users, passwords, sessions, keys, memberships: what is needed before a tenant is known. */
  asIdentity<T>(run: (tx: Tx) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Calls `listener` for each NOTIFY on `channel`, and once with '' after a reconnect (something may have been missed). */
  listen(channel: string, listener: (payload: string) => void): Promise<AsyncDisposable>;
  /** Answers within two seconds, or throws. */
  ping(): Promise<void>;
}
