import type { MachineToken, Token } from '@hexabase/contract/people/token.ts';
import { isUuid } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import { offsetOf, orderBy, type PageQuery } from '../run/paging.ts';

/** A person, or a service account of the organization. */
export interface TokenOwner {
  userId: string;
  organizationId: string | null;
  /** Organizations that a new token does not reach although the person is in them. */
  withheld?: readonly string[];
}

export interface NewTokenRow {
  id: string;
  name: string;
  scope: string;
  workspaceId: string | null;
  tokenHash: string;
  createdBy: string;
  createdAt: Date;
  expiresAt: Date;
}

interface TokenRow {
  id: string;
  name: string;
  scope: string;
  workspace_id: string | null;
  created_by: string;
  created_at: Date;
  expires_at: Date;
  last_used_at: Date | null;
}

const columns = sql`id, name, scope, workspace_id, created_by, created_at, expires_at, last_used_at`;

const sortable = {
  name: 'name',
  createdAt: 'created_at',
  expiresAt: 'expires_at',
  lastUsedAt: 'last_used_at',
} as const;

/** Tokens that somebody made and nobody revoked, newest first; expired ones too, so that their owner sees why something stopped. */
export async function listTokenRows(
  tx: Tx,
  owner: TokenOwner,
  query: PageQuery,
): Promise<{ data: Token[]; total: number }> {
  const order = orderBy(query.sort, sortable, { column: 'created_at', direction: 'desc' });
  const shown = sql`api_tokens where ${ownedBy(owner)} and revoked_at is null and federation_id is null`;
  const { rows } = await sql<TokenRow>`
    select ${columns} from ${shown}
    order by ${sql.ref(order.column)} ${order.direction === 'asc' ? sql`asc` : sql`desc`} nulls last, id desc
    limit ${query.limit} offset ${offsetOf(query)}`.execute(tx);
  const counted = await sql<{ total: number }>`select count(*)::integer as total from ${shown}`.execute(tx);
  return { data: rows.map(toToken), total: counted.rows[0]?.total ?? 0 };
}

/** Those of a service account, with who made each, as far as they are in its organization. */
export async function listMachineTokenRows(
  tx: Tx,
  owner: TokenOwner & { organizationId: string },
  query: PageQuery,
): Promise<{ data: MachineToken[]; total: number }> {
  const { data: tokens, total } = await listTokenRows(tx, owner, query);
  const { rows } = await sql<{ id: string; email: string }>`
    select u.id, u.email from memberships m join users u on u.id = m.user_id
    where m.organization_id = ${owner.organizationId}
      and m.user_id = any (${tokens.map(({ createdBy }) => createdBy)}::text[])`.execute(tx);
  const emails = new Map(rows.map(({ id, email }) => [id, email]));
  return {
    data: tokens.map((token) => ({ ...token, madeBy: emails.get(token.createdBy) ?? 'left' })),
    total,
  };
}

/** Of one owner one token is made after another until the end of the transaction, so that none is overlooked. */
export async function countTokens(
  tx: Tx,
  owner: TokenOwner,
  { now, since }: { now: Date; since: Date },
): Promise<{ live: number; lately: number }> {
  await sql`select pg_advisory_xact_lock(hashtextextended('hexabase.api_tokens ' || ${owner.userId}::text, 0))`.execute(
    tx,
  );
  const { rows } = await sql<{ live: number; lately: number }>`
    select count(*) filter (where revoked_at is null and expires_at > ${now})::integer as live,
      count(*) filter (where created_at > ${since})::integer as lately
    from api_tokens where ${ownedBy(owner)} and federation_id is null`.execute(tx);
  return rows[0] ?? { live: 0, lately: 0 };
}

/** Answers null when the owner has one of that name. */
export async function insertToken(tx: Tx, owner: TokenOwner, row: NewTokenRow): Promise<Token | null> {
  const { rows } = await sql<TokenRow>`
    insert into api_tokens
      (id, user_id, organization_id, name, scope, workspace_id, token_hash, created_by, created_at, expires_at, withheld)
    values (${row.id}, ${owner.userId}, ${owner.organizationId}, ${row.name}, ${row.scope}, ${row.workspaceId},
      ${row.tokenHash}, ${row.createdBy}, ${row.createdAt}, ${row.expiresAt}, ${[...(owner.withheld ?? [])]})
    on conflict (user_id, lower(name)) where revoked_at is null and federation_id is null do nothing
    returning ${columns}`.execute(tx);
  return rows[0] ? toToken(rows[0]) : null;
}

/** Which of these organizations of somebody are being deleted. */
export async function leavingAmong(
  tx: Tx,
  organizationIds: readonly string[],
  userId: string,
): Promise<string[]> {
  const { rows } = await sql<{ leaving: string[] }>`
    select hexabase.leaving_among(${[...organizationIds]}, ${userId}) as leaving`.execute(tx);
  return rows[0]?.leaving ?? [];
}

/** Answers the name, or null when there is none such; every gateway looks at the owner's connections at the commit. */
export async function endTokenRow(
  tx: Tx,
  owner: TokenOwner,
  { nameOrId, at }: { nameOrId: string; at: Date },
): Promise<string | null> {
  const which = isUuid(nameOrId) ? sql`id = ${nameOrId}` : sql`lower(name) = lower(${nameOrId})`;
  const { rows } = await sql<{ name: string }>`
    update api_tokens set revoked_at = ${at}
    where ${ownedBy(owner)} and ${which} and revoked_at is null returning name`.execute(tx);
  const name = rows[0]?.name ?? null;
  if (name !== null) await sql`select pg_notify('hexabase_revocation', ${owner.userId})`.execute(tx);
  return name;
}

function ownedBy({ userId, organizationId }: TokenOwner) {
  return sql`user_id = ${userId} and organization_id is not distinct from ${organizationId}`;
}

function toToken(row: TokenRow): Token {
  return {
    id: row.id,
    name: row.name,
    scope: row.workspace_id === null ? row.scope : `workspace:${row.workspace_id}`,
    createdBy: row.created_by,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
    lastUsedAt: row.last_used_at?.toISOString() ?? null,
  };
}
