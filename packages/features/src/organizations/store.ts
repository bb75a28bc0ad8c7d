import type { Organization, OrganizationUsage } from '@hexabase/contract/organization.ts';
import type { Actor, OrganizationRole } from '@hexabase/kernel/actor.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql, type Generated, type Selectable } from 'kysely';
import { offsetOf, orderBy, type PageQuery } from '../run/paging.ts';

export interface OrganizationTable {
  id: string;
  slug: string;
  name: string;
  plan: string;
  billing_email: string | null;
  require_second_factor: Generated<boolean>;
  generation: Generated<number>;
  created_by: string | null;
  created_at: Date;
  deletion_requested_at: Date | null;
  delete_after: Date | null;
  /** Set by the database with a change of plan: as long as what was before kept more. */
  audit_kept_days: Generated<number | null>;
  audit_kept_until: Generated<Date | null>;
}

export interface MembershipTable {
  organization_id: string;
  user_id: string;
  role: OrganizationRole;
  created_at: Date;
  accepted: boolean;
}

declare module '@hexabase/postgres/schema.ts' {
  interface Schema {
    organizations: OrganizationTable;
    memberships: MembershipTable;
  }
}

export type OrganizationRow = Selectable<OrganizationTable>;

const sortable = {
  name: 'organizations.name',
  slug: 'organizations.slug',
  createdAt: 'organizations.created_at',
} as const;

/** Organizations that the user is a member of, with the user's role. */
export async function listOrganizationRows(
  tx: Tx,
  userId: string,
  query: PageQuery,
): Promise<{ data: Organization[]; total: number }> {
  const order = orderBy(query.sort, sortable, { column: 'organizations.created_at', direction: 'asc' });
  const mine = tx
    .selectFrom('organizations')
    .innerJoin('memberships', 'memberships.organization_id', 'organizations.id')
    .where('memberships.user_id', '=', userId);
  const rows = await mine
    .selectAll('organizations')
    .select('memberships.role')
    .orderBy(order.column, order.direction)
    .orderBy('organizations.id')
    .limit(query.limit)
    .offset(offsetOf(query))
    .execute();
  const { total } = await mine.select(sql<number>`count(*)::integer`.as('total')).executeTakeFirstOrThrow();
  return { data: rows.map((row) => toOrganization(row, row.role)), total };
}

export async function getOrganizationRow(tx: Tx, id: string): Promise<OrganizationRow> {
  return tx.selectFrom('organizations').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
}

/** Counts only: who is a member and what the workspaces are called is for other roles. */
export async function readUsage(tx: Tx, id: string): Promise<OrganizationUsage> {
  const { rows } = await sql<OrganizationUsage>`
    select (select count(*)::integer from memberships m where m.organization_id = o.id) as members,
      (select count(*)::integer from workspaces w where w.organization_id = o.id and w.deleted_at is null) as workspaces,
      p.max_workspaces as "maxWorkspaces"
    from organizations o join plans p on p.name = o.plan where o.id = ${id}`.execute(tx);
  return rows[0] ?? { members: 0, workspaces: 0, maxWorkspaces: 0 };
}

/**
 * Takes the row until the end of the transaction: `share` keeps its plan as it is, `update` also keeps others from counting.
 * Not from changing what is in it: every change holds the row weakly from its beginning, and two of them that both counted
 * would wait for each other.
 */
export async function lockOrganizationRow(
  tx: Tx,
  id: string,
  mode: 'share' | 'update',
): Promise<OrganizationRow> {
  const query = tx.selectFrom('organizations').selectAll().where('id', '=', id);
  return (mode === 'share' ? query.forShare() : query.forNoKeyUpdate()).executeTakeFirstOrThrow();
}

/** Lets this transaction see an organization that it is about to make. */
export async function widenScope(tx: Tx, organizationId: string): Promise<void> {
  await sql`select set_config('hexabase.organization_ids',
    concat_ws(',', nullif(current_setting('hexabase.organization_ids', true), ''), ${organizationId}::text), true)`.execute(
    tx,
  );
}

/** Organizations that somebody has made, wherever they are now; one request of theirs at a time. */
export async function countMadeBy(tx: Tx, userId: string): Promise<number> {
  const { rows } = await sql<{ made: number }>`
    select hexabase.organizations_made_by(${userId}) as made`.execute(tx);
  return rows[0]?.made ?? 0;
}

export interface NewOrganization {
  id: string;
  slug: string;
  name: string;
  plan: string;
  billing_email: string | null;
  created_by: string;
  created_at: Date;
}

/** Answers null when the slug is taken. */
export async function insertOrganization(tx: Tx, row: NewOrganization): Promise<OrganizationRow | null> {
  const inserted = await tx
    .insertInto('organizations')
    .values(row)
    .onConflict((conflict) => conflict.column('slug').doNothing())
    .returningAll()
    .executeTakeFirst();
  return inserted ?? null;
}

export async function insertOwner(
  tx: Tx,
  row: { organizationId: string; userId: string; createdAt: Date },
): Promise<void> {
  await tx
    .insertInto('memberships')
    .values({
      organization_id: row.organizationId,
      user_id: row.userId,
      role: 'owner',
      created_at: row.createdAt,
      accepted: true,
    })
    .execute();
}

export type OrganizationChange = Partial<
  Pick<OrganizationRow, 'name' | 'billing_email' | 'plan' | 'require_second_factor'>
>;

export async function updateOrganizationRow(
  tx: Tx,
  id: string,
  change: OrganizationChange,
): Promise<OrganizationRow> {
  return tx
    .updateTable('organizations')
    .set({ ...change, generation: sql`generation + 1` })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

export async function countLiveWorkspaces(tx: Tx, organizationId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from workspaces
    where organization_id = ${organizationId} and deleted_at is null`.execute(tx);
  return rows[0]?.count ?? 0;
}

/** The highest rank among the plans of the organization's live workspaces, 0 without any. */
export async function highestWorkspaceRank(tx: Tx, organizationId: string): Promise<number> {
  const { rows } = await sql<{ rank: number }>`
    select coalesce(max(plans.rank), 0)::integer as rank from workspaces join plans on plans.name = workspaces.plan
    where workspaces.organization_id = ${organizationId} and workspaces.deleted_at is null`.execute(tx);
  return rows[0]?.rank ?? 0;
}

/** Removes it with its memberships and the tombstones of its workspaces. */
export async function deleteOrganizationRow(tx: Tx, id: string): Promise<void> {
  await sql`delete from workspaces where organization_id = ${id} and deleted_at is not null`.execute(tx);
  await tx.deleteFrom('organizations').where('id', '=', id).execute();
}

/** Marks it for removal after `until`, or takes the mark away. */
export async function markOrganizationDeletion(
  tx: Tx,
  id: string,
  deletion: { at: Date; until: Date } | null,
): Promise<OrganizationRow> {
  return tx
    .updateTable('organizations')
    .set({
      deletion_requested_at: deletion?.at ?? null,
      delete_after: deletion?.until ?? null,
      generation: sql`generation + 1`,
    })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** Those whose grace period is over, locked. One in which a workspace lives after all is left alone. */
export async function organizationsToPurge(tx: Tx, now: Date): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from organizations o
    where delete_after <= ${now}
      and not exists (select from workspaces w where w.organization_id = o.id and w.deleted_at is null)
    for update skip locked`.execute(tx);
  return rows.map(({ id }) => id);
}

/** Ends what the members' tokens say, in this transaction. */
export async function revokeMembers(tx: Tx, organizationId: string): Promise<void> {
  await sql`select hexabase.revoke_in(${organizationId},
    array(select user_id from memberships where organization_id = ${organizationId}))`.execute(tx);
}

/** Every gateway and stream looks again at what members, and operators who were let in, have open, when this commits. */
export async function lookAgainAtMembers(tx: Tx, organizationId: string): Promise<void> {
  await sql`select pg_notify('hexabase_revocation', user_id) from (
    select user_id from memberships where organization_id = ${organizationId}
    union select user_id from access_grants
      where organization_id = ${organizationId} and user_id is not null) as people`.execute(tx);
}

export function toOrganization(row: OrganizationRow, role: OrganizationRole): Organization {
  return {
    id: row.id,
    slug: row.slug,
    name: row.name,
    plan: row.plan,
    billingEmail: row.billing_email,
    requireSecondFactor: row.require_second_factor,
    role,
    generation: row.generation,
    createdAt: row.created_at.toISOString(),
    deletionRequestedAt: row.deletion_requested_at?.toISOString() ?? null,
    deletedAfter: row.delete_after?.toISOString() ?? null,
    auditKeptUntil: row.audit_kept_until?.toISOString() ?? null,
  };
}

/** Whether a second factor was shown in the session that asks. */
export async function hasShownFactor(
  tx: Tx,
  { sessionId, userId }: Pick<Actor, 'sessionId' | 'userId'>,
): Promise<boolean> {
  const { rows } = await sql<{ shown: boolean }>`
    select hexabase.has_shown_factor(${sessionId}, ${userId}) as shown`.execute(tx);
  return rows[0]?.shown ?? false;
}
