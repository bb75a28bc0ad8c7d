import type { Clock } from '@hexabase/kernel/clock.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import type { KeyRing } from './keys/key-ring.ts';
import { revocationChannel } from './revocation.ts';
import { kubeClaims, workspaceAudience, type KubeClaims } from './tokens/claims.ts';
import { createVerifier } from './tokens/verify.ts';

export interface KubeAccessOptions {
  keys: Pick<KeyRing, 'find'>;
  issuer: string;
  clock: Clock;
  db: Pick<Database, 'asIdentity' | 'asWorker' | 'listen'>;
}

/** Whether a workspace can be reached through the gateway, and whose it is. */
export interface ReachableWorkspace {
  id: string;
  organizationId: string;
  /** Its API server takes requests now. */
  servable: boolean;
  /** It was put to sleep and is not awake again; waking it makes it servable. */
  asleep: boolean;
  /** It is meant to sleep: nobody has asked for it to be woken since it was put to sleep. */
  sleepWanted?: boolean;
}

export interface KubeSession {
  /** The person's and that of the workspace's organization together: what a token must carry. */
  epoch: number;
  /** Organizations that ask for a second factor, which this session was started without. */
  withheld: string[];
}

/** What the gateway asks about tokens, sessions and workspaces. Answers come from PostgreSQL. */
export interface KubeAccess {
  /** Throws AppError `unauthenticated` or `token_expired`. */
  verify(token: string, workspaceId: string): Promise<KubeClaims>;
  /** A session or API token that lives, as far as one workspace is concerned, or null when it ended or the account is disabled. */
  session(session: { sessionId: string; userId: string; workspaceId: string }): Promise<KubeSession | null>;
  findWorkspace(idOrSlug: string): Promise<ReachableWorkspace | null>;
  /** Calls back with the id of a workspace that has changed, or '' when any may have. */
  onWorkspaceChange(listener: (workspaceId: string) => void): Promise<AsyncDisposable>;
  /** Remembers that these workspaces were in use at that time (milliseconds since the epoch), so that idleness is known. */
  noteUse(workspaceIds: readonly string[], atMs: number): Promise<void>;
  /** Calls back with a user id whose sessions or roles changed, or '' when any may have. */
  onRevocation(listener: (userId: string) => void): Promise<AsyncDisposable>;
}

/** Phases in which the API server of a workspace is there; the others are being made, sleep or go away. */
const servablePhases: readonly string[] = ['active', 'updating', 'degraded'];

/** `<noun> <organization> <id>`, from triggers of the product's tables. */
const changesChannel = 'hexabase_changes';

export function kubeAccess(options: KubeAccessOptions): KubeAccess {
  const verifier = createVerifier({ ...options, headerType: 'JWT', claims: kubeClaims });
  const { db, clock } = options;
  return {
    verify: (token, workspaceId) => verifier.verify(token, workspaceAudience(workspaceId)),
    async session({ sessionId, userId, workspaceId }) {
      const { rows } = await db.asIdentity(
        (tx) =>
          sql<KubeSession>`
          SELECT hexabase.epoch_in(u.id, ${workspaceId}) AS epoch, CASE WHEN s.second_factor_at IS NULL THEN ARRAY(
              SELECT o.id FROM hexabase.organizations o WHERE o.require_second_factor AND o.id IN (
                SELECT m.organization_id FROM hexabase.memberships m WHERE m.user_id = u.id
                UNION ALL SELECT g.organization_id FROM hexabase.access_grants g WHERE g.user_id = u.id))
            ELSE '{}' END AS withheld
          FROM hexabase.sessions s JOIN hexabase.users u ON u.id = s.user_id
          WHERE s.id = ${sessionId} AND s.user_id = ${userId} AND s.ended_at IS NULL
            AND s.expires_at > ${new Date(clock.now())} AND u.disabled_at IS NULL
          UNION ALL
          SELECT hexabase.epoch_in(u.id, ${workspaceId}), '{}' FROM hexabase.api_tokens t JOIN hexabase.users u ON u.id = t.user_id
          WHERE t.id = ${sessionId} AND t.user_id = ${userId} AND t.revoked_at IS NULL
            AND t.expires_at > ${new Date(clock.now())} AND u.disabled_at IS NULL`.execute(tx),
        { oneStatement: true },
      );
      return rows[0] ?? null;
    },
    async findWorkspace(idOrSlug) {
      const { rows } = await db.asWorker(
        (tx) =>
          sql<{ id: string; organization_id: string; phase: string; asleep: boolean }>`
          SELECT id, organization_id, phase, asleep FROM hexabase.workspaces
          WHERE (id = ${idOrSlug} OR slug = ${idOrSlug}) AND deleted_at IS NULL
          ORDER BY (id = ${idOrSlug}) DESC LIMIT 1`.execute(tx),
        { oneStatement: true },
      );
      const row = rows[0];
      return row
        ? {
            id: row.id,
            organizationId: row.organization_id,
            servable: servablePhases.includes(row.phase),
            asleep: row.phase === 'asleep',
            sleepWanted: row.asleep,
          }
        : null;
    },
    onWorkspaceChange: (listener) =>
      db.listen(changesChannel, (payload) => {
        const [noun = '', , id = ''] = payload.split(' ');
        if (noun === 'workspace' || noun === '') listener(id);
      }),
    async noteUse(workspaceIds, atMs) {
      await db.asWorker(
        (tx) => sql`SELECT hexabase.note_use(${workspaceIds}, ${new Date(atMs)})`.execute(tx),
        { oneStatement: true },
      );
    },
    onRevocation: (listener) => db.listen(revocationChannel, listener),
  };
}
