import type { Member } from '@hexabase/contract/people/member.ts';
import type { OrganizationRole } from '@hexabase/kernel/actor.ts';
import { canonicalEmail } from '@hexabase/kernel/text/email-address.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql, type RawBuilder } from 'kysely';
import { offsetOf, orderBy, type PageQuery } from '../run/paging.ts';

interface MemberRow {
  user_id: string;
  email: string;
  display_name: string;
  role: OrganizationRole;
  disabled: boolean;
  created_at: Date;
}

const sortable = {
  email: 'users.email',
  displayName: 'users.display_name',
  role: 'memberships.role',
  createdAt: 'memberships.created_at',
} as const;

const columns = sql`memberships.user_id, users.email, users.display_name, memberships.role,
  users.disabled_at is not null as disabled, memberships.created_at`;

export async function listMemberRows(
  tx: Tx,
  organizationId: string,
  query: PageQuery,
): Promise<{ data: Member[]; total: number }> {
  const order = orderBy(query.sort, sortable, { column: 'memberships.created_at', direction: 'asc' });
  const { rows } = await sql<MemberRow>`
    select ${columns} from memberships join users on users.id = memberships.user_id
    where memberships.organization_id = ${organizationId}
    order by ${sql.ref(order.column)} ${order.direction === 'asc' ? sql`asc` : sql`desc`}, memberships.user_id
    limit ${query.limit} offset ${offsetOf(query)}`.execute(tx);
  return { data: rows.map(toMember), total: await count(tx, sql`organization_id = ${organizationId}`) };
}

/** One member by user id or e-mail address; of two accounts of one mailbox the one that is spelled just so. */
export async function findMember(
  tx: Tx,
  organizationId: string,
  userIdOrEmail: string,
): Promise<Member | null> {
  const { rows } = await sql<MemberRow>`
    select ${columns} from memberships join users on users.id = memberships.user_id
    where memberships.organization_id = ${organizationId}
      and (users.id = ${userIdOrEmail} or users.email in (${userIdOrEmail}, ${canonicalEmail(userIdOrEmail)}))
    order by (users.email = ${userIdOrEmail}) desc limit 1`.execute(tx);
  return rows[0] ? toMember(rows[0]) : null;
}

/**
 * Accounts are not visible to requests but for this one question. Service accounts join nobody else.
 * `email` is in its one spelling. `knownIn`: only somebody who is in one of these organizations; null: anybody.
 */
export async function findAccountId(
  tx: Tx,
  email: string,
  knownIn: readonly string[] | null,
): Promise<string | null> {
  const known = knownIn && [...knownIn];
  const { rows } = await sql<{ id: string | null }>`
    select hexabase.find_account(${email}, ${known}::text[]) as id`.execute(tx);
  return rows[0]?.id ?? null;
}

export interface NewMember {
  organizationId: string;
  userId: string;
  role: OrganizationRole;
  createdAt: Date;
  /** Whether the person said yes themselves: only then may the organization see how they sign in. */
  accepted: boolean;
}

/** Answers false when the person is a member already. */
export async function insertMember(tx: Tx, row: NewMember): Promise<boolean> {
  const { rows } = await sql`
    insert into memberships (organization_id, user_id, role, created_at, accepted)
    values (${row.organizationId}, ${row.userId}, ${row.role}, ${row.createdAt}, ${row.accepted})
    on conflict do nothing returning user_id`.execute(tx);
  return rows.length > 0;
}

export async function updateMemberRole(
  tx: Tx,
  { organizationId, userId, role }: { organizationId: string; userId: string; role: OrganizationRole },
): Promise<void> {
  await sql`update memberships set role = ${role}
    where organization_id = ${organizationId} and user_id = ${userId}`.execute(tx);
}

export async function deleteMember(tx: Tx, organizationId: string, userId: string): Promise<void> {
  await sql`delete from memberships where organization_id = ${organizationId} and user_id = ${userId}`.execute(
    tx,
  );
}

/**
 * Takes away what groups and assignments of this organization give a person: everything, or only what administers whole
 * workspaces. A group administers one when it is or lies below its `WSAdmins`, or below a group that was given the role.
 * Answers the workspaces whose bindings named the person.
 */
export async function takeAccess(
  tx: Tx,
  {
    organizationId,
    userId,
    which,
  }: { organizationId: string; userId: string; which: 'all' | 'administering' },
): Promise<string[]> {
  const all = which === 'all';
  await sql`
    with recursive administering as (
      select id from groups g where g.organization_id = ${organizationId}
        and ((g.name = 'WSAdmins' and g.workspace_id is not null)
          or exists (select from role_assignments a
            where a.group_id = g.id and a.preset = 'admin' and a.project_id is null))
      union select g.id from groups g join administering a on g.parent_id = a.id
    )
    delete from group_members where organization_id = ${organizationId} and user_id = ${userId}
      ${all ? sql`` : sql`and group_id in (select id from administering)`}`.execute(tx);
  const { rows } = await sql<{ workspace_id: string }>`delete from role_assignments
    where organization_id = ${organizationId} and user_id = ${userId}
      ${all ? sql`` : sql`and preset = 'admin' and project_id is null`}
    returning workspace_id`.execute(tx);
  return [...new Set(rows.map((row) => row.workspace_id))];
}

/** Takes back what somebody's open invitations promise, but for the roles that they may still give. */
export async function takeInvitations(
  tx: Tx,
  {
    organizationId,
    userId,
    but,
    at,
  }: { organizationId: string; userId: string; but: readonly OrganizationRole[]; at: Date },
): Promise<void> {
  await sql`update invitations set revoked_at = ${at}
    where organization_id = ${organizationId} and invited_by = ${userId} and role <> all (${[...but]}::text[])
      and accepted_at is null and declined_at is null and revoked_at is null`.execute(tx);
}

/** Keeps somebody in the organization until the end of this transaction; false for who is not in it. */
export async function holdMembership(
  tx: Tx,
  { organizationId, userId }: { organizationId: string; userId: string },
): Promise<boolean> {
  // First the organization, as those do who take somebody out: the other way round each would wait for the other.
  await sql`select 1 from organizations where id = ${organizationId} for key share`.execute(tx);
  const { rows } = await sql`
    select 1 from memberships where organization_id = ${organizationId} and user_id = ${userId} for share`.execute(
    tx,
  );
  return rows.length > 0;
}

/** Whether somebody else owns the organization whose account is not disabled. */
export async function hasOtherOwner(
  tx: Tx,
  { organizationId, userId }: { organizationId: string; userId: string },
): Promise<boolean> {
  const { rows } = await sql`
    select 1 from memberships m join users u on u.id = m.user_id
    where m.organization_id = ${organizationId} and m.role = 'owner' and u.id <> ${userId} and u.disabled_at is null
    limit 1`.execute(tx);
  return rows.length > 0;
}

async function count(tx: Tx, where: RawBuilder<unknown>): Promise<number> {
  const { rows } = await sql<{
    count: number;
  }>`select count(*)::integer as count from memberships where ${where}`.execute(tx);
  return rows[0]?.count ?? 0;
}

function toMember(row: MemberRow): Member {
  return {
    userId: row.user_id,
    email: row.email,
    displayName: row.display_name,
    role: row.role,
    disabled: row.disabled,
    createdAt: row.created_at.toISOString(),
  };
}
