import { hash } from 'node:crypto';
import type { Invitation, ReceivedInvitation } from '@hexabase/contract/people/invitation.ts';
import type { OrganizationRole } from '@hexabase/kernel/actor.ts';
import { brandId, type OrganizationId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import { offsetOf, type PageQuery } from '../run/paging.ts';

interface InvitationRow {
  id: string;
  email: string;
  role: OrganizationRole;
  group_ids: string[];
  invited_by: string;
  created_at: Date;
  sent_at: Date;
  expires_at: Date;
  accepted_at: Date | null;
  declined_at: Date | null;
  revoked_at: Date | null;
}

const columns = sql`id, email, role, group_ids, invited_by, created_at, sent_at, expires_at, accepted_at, declined_at, revoked_at`;
const isOpen = sql`accepted_at is null and declined_at is null and revoked_at is null`;

export interface NewInvitation {
  id: string;
  organizationId: string;
  email: string;
  role: OrganizationRole;
  groupIds: readonly string[];
  codeHash: string;
  invitedBy: string;
  createdAt: Date;
  expiresAt: Date;
}

/** Answers null when one for this address is open already. */
export async function insertInvitation(tx: Tx, row: NewInvitation): Promise<InvitationRow | null> {
  const { rows } = await sql<InvitationRow>`
    insert into invitations (id, organization_id, email, role, group_ids, token_hash, invited_by, created_at, sent_at, expires_at)
    values (${row.id}, ${row.organizationId}, ${row.email}, ${row.role}, ${[...row.groupIds]}, ${row.codeHash},
      ${row.invitedBy}, ${row.createdAt}, ${row.createdAt}, ${row.expiresAt})
    on conflict (organization_id, email) where ${isOpen} do nothing
    returning ${columns}`.execute(tx);
  return rows[0] ?? null;
}

/** Closes what is open for an address although its time is over, so that it can be invited again. */
export async function closeExpired(
  tx: Tx,
  { organizationId, email, at }: { organizationId: string; email: string; at: Date },
): Promise<void> {
  await sql`update invitations set revoked_at = ${at}
    where organization_id = ${organizationId} and email = ${email} and ${isOpen} and expires_at <= ${at}`.execute(
    tx,
  );
}

export async function countOpen(tx: Tx, organizationId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from invitations where organization_id = ${organizationId} and ${isOpen}`.execute(
    tx,
  );
  return rows[0]?.count ?? 0;
}

export async function listInvitationRows(
  tx: Tx,
  organizationId: string,
  page: { limit: number; offset: number },
): Promise<{ rows: InvitationRow[]; total: number }> {
  const { rows } = await sql<InvitationRow>`
    select ${columns} from invitations where organization_id = ${organizationId}
    order by created_at desc, id desc limit ${page.limit} offset ${page.offset}`.execute(tx);
  const counted = await sql<{ count: number }>`
    select count(*)::integer as count from invitations where organization_id = ${organizationId}`.execute(tx);
  return { rows, total: counted.rows[0]?.count ?? 0 };
}

/** One that still waits for its answer. */
export async function findOpenInvitation(
  tx: Tx,
  organizationId: string,
  id: string,
): Promise<InvitationRow | null> {
  const { rows } = await sql<InvitationRow>`
    select ${columns} from invitations
    where organization_id = ${organizationId} and id = ${id} and ${isOpen} for update`.execute(tx);
  return rows[0] ?? null;
}

export async function renewInvitation(
  tx: Tx,
  id: string,
  { codeHash, sentAt, expiresAt }: { codeHash: string; sentAt: Date; expiresAt: Date },
): Promise<void> {
  await sql`update invitations set token_hash = ${codeHash}, sent_at = ${sentAt}, expires_at = ${expiresAt}
    where id = ${id}`.execute(tx);
}

export async function revokeInvitationRow(tx: Tx, id: string, at: Date): Promise<void> {
  await sql`update invitations set revoked_at = ${at} where id = ${id}`.execute(tx);
}

export async function namesOfOrganization(tx: Tx, id: string): Promise<{ name: string; slug: string }> {
  const { rows } = await sql<{ name: string; slug: string }>`
    select name, slug from organizations where id = ${id}`.execute(tx);
  return rows[0] ?? { name: '', slug: '' };
}

/** Those of the person behind this transaction, newest first; the database compares the address. */
export async function receivedInvitations(
  tx: Tx,
  { userId, at }: { userId: string; at: Date },
  query: PageQuery,
): Promise<{ data: ReceivedInvitation[]; total: number }> {
  const received = sql`hexabase.invitations_of(${userId}, ${at})`;
  const { rows } = await sql<{
    id: string;
    organization_name: string;
    invited_by_email: string;
    role: OrganizationRole;
    created_at: Date;
    expires_at: Date;
  }>`select * from ${received} order by created_at desc, id desc
    limit ${query.limit} offset ${offsetOf(query)}`.execute(tx);
  const counted = await sql<{ total: number }>`select count(*)::integer as total from ${received}`.execute(
    tx,
  );
  const data = rows.map((row) => ({
    id: row.id,
    organizationName: row.organization_name,
    invitedBy: row.invited_by_email,
    role: row.role,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
  }));
  return { data, total: counted.rows[0]?.total ?? 0 };
}

export interface LetterCounter {
  of: 'sender' | 'recipient' | 'account' | 'organization';
  id: string;
  most: number;
}

const letterWindow = '24 hours';

/** Counts a letter in all of these, or says which is full and for how long yet; the caller then throws, and nothing counts. */
export async function countLetter(
  tx: Tx,
  { counters, at }: { counters: readonly LetterCounter[]; at: Date },
): Promise<{ of: LetterCounter['of']; waitSeconds: number } | null> {
  const keyOf = ({ of, id }: LetterCounter): string => hash('sha256', `${of} ${id}`, 'base64url');
  const { rows } = await sql<{ key: string; waits: number }>`
    select key, waits from hexabase.count_letter(${counters.map(keyOf)}::text[],
      ${counters.map(({ most }) => most)}::integer[], ${at}, ${letterWindow}::interval)`.execute(tx);
  const [full] = rows;
  const counter = counters.find((one) => keyOf(one) === full?.key);
  return full && counter ? { of: counter.of, waitSeconds: Math.ceil(full.waits) } : null;
}

export interface Answer {
  /** Id of the invitation, or the code of its letter. */
  asked: string;
  codeHash: string;
  userId: string;
  accepts: boolean;
  at: Date;
}

export interface AnsweredInvitation {
  id: string;
  organizationId: OrganizationId;
  role: OrganizationRole;
  groupIds: string[];
  invitedBy: string;
}

/**
 * The role of whoever wrote an invitation, which stays as it is until the end of the transaction; null for somebody who is
 * no member any more or whose account is disabled.
 */
export async function holdInviter(
  tx: Tx,
  { organizationId, userId }: { organizationId: string; userId: string },
): Promise<OrganizationRole | null> {
  const { rows } = await sql<{ role: OrganizationRole | null }>`
    select hexabase.hold_inviter(${organizationId}, ${userId}) as role`.execute(tx);
  return rows[0]?.role ?? null;
}

/** Closes the invitation with the answer, once only. Null when there is none for this person. */
export async function answerInvitation(tx: Tx, answer: Answer): Promise<AnsweredInvitation | null> {
  const { rows } = await sql<{
    id: string;
    organization_id: string;
    role: OrganizationRole;
    group_ids: string[];
    invited_by: string;
  }>`select * from hexabase.answer_invitation(${answer.asked}, ${answer.codeHash}, ${answer.userId}, ${answer.accepts}, ${answer.at})`.execute(
    tx,
  );
  const row = rows[0];
  return row
    ? {
        id: row.id,
        organizationId: brandId(row.organization_id),
        role: row.role,
        groupIds: row.group_ids,
        invitedBy: row.invited_by,
      }
    : null;
}

export function toInvitation(row: InvitationRow, nowMs: number): Invitation {
  return {
    id: row.id,
    email: row.email,
    role: row.role,
    groups: row.group_ids,
    state: stateOf(row, nowMs),
    invitedBy: row.invited_by,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
  };
}

function stateOf(row: InvitationRow, nowMs: number): Invitation['state'] {
  if (row.accepted_at) return 'accepted';
  if (row.declined_at) return 'declined';
  if (row.revoked_at) return 'revoked';
  return row.expires_at.getTime() <= nowMs ? 'expired' : 'open';
}
