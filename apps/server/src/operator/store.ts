import { insertAuditEntry } from '@hexabase/features/run/store.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { findUserByName } from '@hexabase/oidc/users.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import type { OpenedDatabase } from '@hexabase/postgres/open-database.ts';
import { sql } from 'kysely';
import { StartError } from '../lifecycle/data-folder.ts';

export interface ListedUser {
  id: string;
  email: string;
  displayName: string;
  platformRole: string | null;
  createdAt: Date;
  disabledAt: Date | null;
}

/** Every account, in the order they were made. */
export async function listUsers(database: OpenedDatabase): Promise<ListedUser[]> {
  const { rows } = await database.openPool('hexabase_identity', 1).query<ListedUser>(
    `select id, email, display_name as "displayName", platform_role as "platformRole",
       created_at as "createdAt", disabled_at as "disabledAt"
     from hexabase.users order by created_at, id`,
  );
  return rows;
}

/** By slug or id. Throws `StartError` where there is none. */
export async function findOrganizationId(database: OpenedDatabase, name: string): Promise<string> {
  const { rows } = await database
    .openPool('hexabase_worker', 1)
    .query<{ id: string }>('select id from hexabase.organizations where id = $1 or slug = $1', [name]);
  const [row] = rows;
  if (!row) throw new StartError(`There is no organization ${name}.`);
  return row.id;
}

/** By id or e-mail address. */
export async function findUserId(database: OpenedDatabase, idOrEmail: string): Promise<string | null> {
  const found = await database.asIdentity((tx) => findUserByName(tx, idOrEmail));
  return found?.id ?? null;
}

/** Slugs of the organizations that this person owns and in which no owner's account is enabled. Runs as identity. */
export async function ownerlessOrganizations(tx: Tx, userId: string): Promise<string[]> {
  const { rows } = await sql<{ slug: string }>`
    select o.slug from hexabase.organizations o join hexabase.memberships m
      on m.organization_id = o.id and m.user_id = ${userId} and m.role = 'owner'
    where not exists (select from hexabase.memberships other join hexabase.users u on u.id = other.user_id
      where other.organization_id = o.id and other.role = 'owner' and u.disabled_at is null)
    order by o.slug`.execute(tx);
  return rows.map(({ slug }) => slug);
}

export interface ListedServiceAccount {
  id: string;
  email: string;
  organizationId: string;
}

/** The service accounts of every organization. */
export async function serviceAccounts(database: OpenedDatabase): Promise<ListedServiceAccount[]> {
  const { rows } = await database.openPool('hexabase_identity', 1).query<ListedServiceAccount>(
    `select id, email, organization_id as "organizationId" from hexabase.users
     where kind = 'service-account' order by email`,
  );
  return rows;
}

export interface OperatorEntry {
  /** `operator.<noun>.<verb>`. */
  action: string;
  target: string;
  /** Whose chain it joins; the platform's when neither is named. */
  organizationId?: string | null;
  personId?: string | null;
  details?: Record<string, unknown>;
}

/** Whoever holds the data folder has no account: the entry in the audit log names the operator. */
export async function recordOperator(
  tx: Tx,
  { action, target, organizationId = null, personId = null, details = {} }: OperatorEntry,
): Promise<void> {
  const nowMs = systemClock.now();
  await insertAuditEntry(tx, {
    id: newId(nowMs),
    organizationId,
    personId,
    actorId: 'operator',
    actorEmail: 'operator',
    action,
    target,
    outcome: 'allowed',
    requestId: newId(nowMs),
    details,
    createdAt: new Date(nowMs),
  });
}
