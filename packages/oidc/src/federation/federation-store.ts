import type { Tx } from '@hexabase/postgres/database.ts';
import { hash } from 'node:crypto';
import { sql } from 'kysely';

/** One rule: whose tokens are taken, and as which service account. */
export interface FederationRule {
  id: string;
  name: string;
  organizationId: string;
  /** Of the service account. */
  userId: string;
  email: string;
  issuer: string;
  audience: string;
  conditions: string[];
  scope: 'read' | 'write' | 'workspace';
  workspaceId: string | null;
}

/** The rules by which an issuer's tokens are taken as this service account. All here runs as identity. */
export async function rulesFor(
  tx: Tx,
  { email, issuer }: { email: string; issuer: string },
): Promise<FederationRule[]> {
  const { rows } = await sql<FederationRule>`
    SELECT f.id, f.name, f.organization_id AS "organizationId", f.user_id AS "userId", u.email, f.issuer, f.audience,
      f.conditions, f.scope, f.workspace_id AS "workspaceId"
    FROM hexabase.federations f JOIN hexabase.users u ON u.id = f.user_id
    WHERE u.email = ${email} AND u.kind = 'service-account' AND u.disabled_at IS NULL AND f.issuer = ${issuer}
    ORDER BY f.id`.execute(tx);
  return rows;
}

/** Notes that a token was taken; false when it was taken before. Of any number at once one is the first. */
export async function takeOnce(
  tx: Tx,
  token: { issuer: string; jti: string; expiresAt: Date },
): Promise<boolean> {
  const id = hash('sha256', `${token.issuer}\n${token.jti}`, 'base64url');
  const { numAffectedRows } = await sql`
    INSERT INTO hexabase.federation_uses (id, expires_at) VALUES (${id}, ${token.expiresAt})
    ON CONFLICT DO NOTHING`.execute(tx);
  return numAffectedRows === 1n;
}

export interface GivenToken {
  id: string;
  tokenHash: string;
  expiresAt: Date;
}

/** Gives the rule's service account an API token. False when the rule has gone meanwhile. */
export async function insertGivenToken(
  tx: Tx,
  rule: FederationRule,
  { nowMs, ...given }: GivenToken & { nowMs: number },
): Promise<boolean> {
  const now = new Date(nowMs);
  const { numAffectedRows } = await sql`
    WITH used AS (
      UPDATE hexabase.federations SET last_used_at = ${now} WHERE id = ${rule.id} RETURNING id
    )
    INSERT INTO hexabase.api_tokens
      (id, user_id, organization_id, name, scope, workspace_id, token_hash, created_by, created_at, expires_at, federation_id)
    SELECT ${given.id}, ${rule.userId}, ${rule.organizationId}, ${`federation ${rule.name}`}, ${rule.scope},
      ${rule.workspaceId}, ${given.tokenHash}, ${rule.userId}, ${now}::timestamptz, ${given.expiresAt}::timestamptz, id
    FROM used`.execute(tx);
  return numAffectedRows === 1n;
}

export async function pruneFederation(tx: Tx, nowMs: number): Promise<void> {
  await sql`DELETE FROM hexabase.federation_uses WHERE expires_at < ${new Date(nowMs)}`.execute(tx);
}
