import { Client, escapeIdentifier, escapeLiteral } from 'pg';
import { clientConfig, databaseRoles, rolePassword, type Endpoint } from './connection.ts';

/** Any number will do, as long as all replicas use the same: it keeps two of them from provisioning at once. */
const provisionLock = 7_239_001;

/**
 * Makes the login roles and sets their passwords, over a connection that may create roles. Safe to repeat, and run at
 * every start, so that all replicas agree.
 */
export async function provisionRoles(admin: Endpoint, masterKey: Uint8Array): Promise<void> {
  const client = new Client(clientConfig(admin));
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [provisionLock]);
    for (const role of databaseRoles) {
      const password = escapeLiteral(rolePassword(masterKey, role));
      const known = await client.query('select 1 from pg_roles where rolname = $1', [role]);
      await client.query(
        known.rowCount === 0
          ? `create role ${role} login password ${password}`
          : `alter role ${role} login password ${password}`,
      );
    }
    await openToRoles(client, admin.database);
  } finally {
    await client.end();
  }
}

/** Lets the roles, and nobody else, into a database of a server that has the roles already. */
export async function openToRoles(client: Client, name: string): Promise<void> {
  const database = escapeIdentifier(name);
  await client.query(
    `revoke all on database ${database} from public;
     grant connect, create, temporary on database ${database} to hexabase_owner;
     grant connect on database ${database} to ${databaseRoles.join(', ')}`,
  );
}

/** Makes the database when it is absent, over a connection to another database of the same server. */
export async function ensureDatabase(admin: Endpoint, name: string): Promise<void> {
  const client = new Client(clientConfig(admin));
  await client.connect();
  try {
    const known = await client.query('select 1 from pg_database where datname = $1', [name]);
    if (known.rowCount === 0) await client.query(`create database ${escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
}
