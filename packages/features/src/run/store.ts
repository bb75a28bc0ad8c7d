import type { OperationAnswer } from '@hexabase/contract/call.ts';
import type { Actor, OrganizationRole, PlatformRole } from '@hexabase/kernel/actor.ts';
import { brandId, isUuid, type OrganizationId } from '@hexabase/kernel/id.ts';
import { currentOrigin } from '@hexabase/kernel/request-origin.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { ahead } from '@hexabase/postgres/pipelined-dialect.ts';
import { sql } from 'kysely';
import type { ResolvedTarget } from './use-case.ts';

export interface Search {
  organizationIds: readonly OrganizationId[];
  idOrSlug: string;
  /** Takes the row until the end of the transaction. */
  lock: boolean;
}

export async function findOrganization(tx: Tx, search: Search): Promise<ResolvedTarget | null> {
  const { rows } = await sql<{ id: string; generation: number; leaving: boolean }>`
    select id, generation, deletion_requested_at is not null as leaving from organizations
    where ${bySlug(search)} and id = any (${[...search.organizationIds]}) ${lockOf(search)}`.execute(tx);
  const row = rows[0];
  return row
    ? {
        kind: 'organization',
        id: row.id,
        organizationId: brandId(row.id),
        generation: row.generation,
        leaving: row.leaving,
      }
    : null;
}

export async function findWorkspace(tx: Tx, search: Search): Promise<ResolvedTarget | null> {
  const { rows } = await sql<{ id: string; organization_id: string; generation: number }>`
    select id, organization_id, generation from workspaces
    where ${bySlug(search)} and deleted_at is null
      and organization_id = any (${[...search.organizationIds]}) ${lockOf(search)}`.execute(tx);
  const row = rows[0];
  return row
    ? {
        kind: 'workspace',
        id: row.id,
        organizationId: brandId(row.organization_id),
        generation: row.generation,
        leaving: false,
      }
    : null;
}

export async function findOperation(tx: Tx, search: Search): Promise<ResolvedTarget | null> {
  const { rows } = await sql<{ id: string; organization_id: string; workspace_id: string | null }>`
    select id, organization_id, substring(subject from '^workspace/(.+)$') as workspace_id from operations
    where id = ${search.idOrSlug} and organization_id = any (${[...search.organizationIds]})`.execute(tx);
  const row = rows[0];
  return row
    ? {
        kind: 'operation',
        id: row.id,
        organizationId: brandId(row.organization_id),
        workspaceId: row.workspace_id,
        generation: null,
        leaving: false,
      }
    : null;
}

/** What lets somebody act in an organization now. */
export interface Authority {
  /** The organization is being deleted. */
  leaving: boolean;
  /** Null for who is neither a member nor let in. */
  role: OrganizationRole | null;
  grant_id: string | null;
  grant_ends: Date | null;
  /** The organization asks for a second factor that the session was started without. */
  asks: boolean;
  /** The session or the API token. */
  ended: boolean;
}

/**
 * Reads it under locks that last until the end of the transaction: who takes any of it away waits for this transaction, or
 * this one has waited for them. Null for an organization that is gone.
 */
export async function holdAuthority(
  tx: Tx,
  { actor, organizationId, at }: { actor: Actor; organizationId: string; at: Date },
): Promise<Authority | null> {
  const { rows } =
    await sql<Authority>`select * from hexabase.hold_authority(${organizationId}, ${actor.userId},
    ${actor.sessionId}, ${actor.token !== undefined}, ${at})`.execute(tx);
  return rows[0] ?? null;
}

/** As `holdAuthority`, for what belongs to no organization. */
export async function holdAccount(
  tx: Tx,
  actor: Actor,
): Promise<{ ended: boolean; platform_role: PlatformRole | null } | null> {
  const { rows } = await sql<{ ended: boolean; platform_role: PlatformRole | null }>`
    select * from hexabase.hold_account(${actor.userId}, ${actor.sessionId}, ${actor.token !== undefined})`.execute(
    tx,
  );
  return rows[0] ?? null;
}

/** Keeps somebody in the groups that they are in directly; those above do not change while the organization is held. */
export async function holdGroups(tx: Tx, organizationId: string, userId: string): Promise<void> {
  await sql`select hexabase.hold_groups(${organizationId}, ${userId})`.execute(tx);
}

export interface KeyOwner {
  userId: string;
  key: string;
}

export async function dropExpiredKey(tx: Tx, owner: KeyOwner): Promise<void> {
  await sql`delete from idempotency_keys
    where user_id = ${owner.userId} and organization_id = '' and key = ${owner.key} and expires_at < now()`.execute(
    tx,
  );
}

/** Answers false when the key is there already; waits for a transaction that is just writing it. */
export async function reserveKey(
  tx: Tx,
  row: KeyOwner & { operation: string; hash: string },
): Promise<boolean> {
  const { rows } = await sql`
    insert into idempotency_keys (user_id, key, operation, request_hash)
    values (${row.userId}, ${row.key}, ${row.operation}, ${row.hash})
    on conflict do nothing returning key`.execute(tx);
  return rows.length > 0;
}

export async function readKey(
  tx: Tx,
  owner: KeyOwner,
): Promise<{ operation: string; hash: string; answer: OperationAnswer } | null> {
  const { rows } = await sql<{ operation: string; request_hash: string; response: OperationAnswer }>`
    select operation, request_hash, response from idempotency_keys
    where user_id = ${owner.userId} and organization_id = '' and key = ${owner.key}`.execute(tx);
  const row = rows[0];
  return row ? { operation: row.operation, hash: row.request_hash, answer: row.response } : null;
}

export async function writeKeyAnswer(
  tx: Tx,
  owner: KeyOwner,
  { status, answer }: { status: number; answer: OperationAnswer },
): Promise<void> {
  await sql`update idempotency_keys set status = ${status}, response = ${JSON.stringify(answer)}::jsonb
    where user_id = ${owner.userId} and organization_id = '' and key = ${owner.key}`.execute(tx);
}

export interface NewAuditEntry {
  id: string;
  organizationId: string | null;
  /** Whose chain it joins when it belongs to no organization; the platform's when absent. */
  personId?: string | null;
  workspaceId?: string | null;
  /** Of somebody from outside the organization. */
  grantId?: string | null;
  actorId: string | null;
  actorEmail: string | null;
  action: string;
  target: string;
  outcome: 'allowed' | 'denied' | 'failed';
  requestId: string;
  details: Record<string, unknown>;
  createdAt: Date;
}

/** Written out, not put together anew for each change. */
const entering = `insert into audit_entries (id, organization_id, person_id, workspace_id, access_grant_id, actor_id,
    actor_email, action, target, outcome, request_id, address, agent, details, created_at)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14::jsonb, $15)`;

/**
 * Where the request came from is added here, so that no entry can lack it. The statement travels with the next one or
 * with COMMIT; when it fails, so do they.
 */
export async function insertAuditEntry(tx: Tx, entry: NewAuditEntry): Promise<void> {
  const origin = currentOrigin();
  await tx.executeQuery(
    ahead(entering, [
      entry.id,
      entry.organizationId,
      entry.organizationId === null ? (entry.personId ?? null) : null,
      entry.workspaceId ?? null,
      entry.grantId ?? null,
      entry.actorId,
      entry.actorEmail,
      entry.action,
      entry.target,
      entry.outcome,
      entry.requestId,
      origin?.address ?? null,
      origin?.agent ?? null,
      JSON.stringify(entry.details),
      entry.createdAt,
    ]),
  );
}

/** Wakes the reconciler of `kind` for one key when this transaction commits; a wake-up carries no content. */
export async function wake(tx: Tx, kind: 'workspace' | 'project' | 'pool', key: string): Promise<void> {
  await sql`select hexabase.enqueue(${kind}, ${key})`.execute(tx);
}

function bySlug(search: Search) {
  return isUuid(search.idOrSlug) ? sql`id = ${search.idOrSlug}` : sql`slug = ${search.idOrSlug}`;
}

function lockOf(search: Search) {
  return search.lock ? sql`for update` : sql``;
}
