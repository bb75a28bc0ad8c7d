import { createHmac } from 'node:crypto';
import type pg from 'pg';

/** The login roles of the product. None is superuser; only the owner may change tables. */
export type DatabaseRole =
  | 'hexabase_owner'
  | 'hexabase_api'
  | 'hexabase_worker'
  | 'hexabase_identity'
  | 'hexabase_kube';

export const databaseRoles: readonly DatabaseRole[] = [
  'hexabase_owner',
  'hexabase_api',
  'hexabase_worker',
  'hexabase_identity',
  'hexabase_kube',
];

/** `DATABASE_URL` is none, or leads to nothing that can be used; says what to change, and no password. */
export class DatabaseUrlError extends Error {
  override readonly name = 'DatabaseUrlError';
}

/** How to reach one database as one role. */
export interface Endpoint {
  host: string;
  port: number;
  database: string;
  user: string;
  password: string;
  ssl?: pg.ConnectionConfig['ssl'];
}

/** Base64url(HMAC-SHA256(master key, 'postgres:' + role)): every replica derives the same, nothing is stored. */
export function rolePassword(masterKey: Uint8Array, role: string): string {
  return createHmac('sha256', masterKey).update(`postgres:${role}`).digest('base64url');
}

/** The same database as another role. */
export function endpointAs(endpoint: Endpoint, role: DatabaseRole, masterKey: Uint8Array): Endpoint {
  return { ...endpoint, user: role, password: rolePassword(masterKey, role) };
}

/**
 * Reads `postgres://user:password@host:port/database?sslmode=…`; `?host=/folder` names a Unix socket.
 * `sslmode`: disable (default for sockets), require (no check of the name), verify-full. Throws `DatabaseUrlError` on anything else.
 */
export function parseDatabaseUrl(text: string): Endpoint {
  const url = URL.parse(text);
  if (url === null) {
    throw new DatabaseUrlError(
      'DATABASE_URL is no address such as postgres://user:password@host:5432/database',
    );
  }
  if (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:') {
    throw new DatabaseUrlError('DATABASE_URL must begin with postgres:// or postgresql://');
  }
  const endpoint: Endpoint = {
    host: url.searchParams.get('host') ?? decodeURIComponent(url.hostname),
    port: Number(url.port === '' ? 5432 : url.port),
    database: decodeURIComponent(url.pathname.slice(1)) || 'hexabase',
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
  };
  const mode = url.searchParams.get('sslmode') ?? 'disable';
  if (mode === 'disable') return endpoint;
  if (mode === 'require') return { ...endpoint, ssl: { rejectUnauthorized: false } };
  if (mode === 'verify-full') return { ...endpoint, ssl: true };
  throw new DatabaseUrlError(
    `DATABASE_URL: sslmode "${mode}" is not known; use disable, require or verify-full`,
  );
}

/** The endpoint as a URL that `parseDatabaseUrl` reads. It holds the password: never log it. */
export function databaseUrl(endpoint: Endpoint): string {
  const user = `${encodeURIComponent(endpoint.user)}:${encodeURIComponent(endpoint.password)}`;
  const socket = endpoint.host.startsWith('/');
  const place = socket ? `localhost:${endpoint.port}` : `${endpoint.host}:${endpoint.port}`;
  const query = socket ? `?host=${encodeURIComponent(endpoint.host)}` : '';
  return `postgres://${user}@${place}/${encodeURIComponent(endpoint.database)}${query}`;
}

/** What `pg` wants. Names without a schema are looked up in `hexabase`. */
export function clientConfig(endpoint: Endpoint): pg.ClientConfig {
  return {
    ...endpoint,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    options: '-c search_path=hexabase',
    application_name: endpoint.user,
  };
}
