import { newId } from '@hexabase/kernel/id.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

/** One request to a cluster, as the gateway saw it. */
export interface AccessRecord {
  organizationId: string;
  workspaceId: string;
  grantId: string | null;
  actorId: string;
  actorEmail: string;
  action: string;
  target: string;
  outcome: 'allowed' | 'denied' | 'failed';
  requestId: string;
  address: string | null;
  agent: string | null;
  atMs: number;
  details: { status: number };
}

/** Writes batches of cluster accesses into the audit log, unchained; the chainer numbers and hashes them later. */
export function accessAudit(db: Pick<Database, 'asWorker'>): {
  write(records: readonly AccessRecord[]): Promise<void>;
} {
  return {
    async write(records) {
      const rows = records.map((record) => ({
        id: newId<'AuditEntry'>(record.atMs),
        organization_id: record.organizationId,
        workspace_id: record.workspaceId,
        access_grant_id: record.grantId,
        actor_id: record.actorId,
        actor_email: record.actorEmail,
        action: record.action,
        target: record.target.slice(0, 1_024),
        outcome: record.outcome,
        request_id: record.requestId,
        address: record.address,
        agent: record.agent,
        details: record.details,
        created_at: new Date(record.atMs).toISOString(),
      }));
      await db.asWorker((tx) =>
        sql`
          INSERT INTO hexabase.audit_entries
            (id, organization_id, workspace_id, access_grant_id, actor_id, actor_email, action, target, outcome, request_id, address, agent,
             details, created_at)
          SELECT id, organization_id, workspace_id, access_grant_id, actor_id, actor_email, action, target, outcome, request_id, address,
            agent, details, created_at
          FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS r (id text, organization_id text, workspace_id text,
            access_grant_id text, actor_id text, actor_email text, action text, target text, outcome text, request_id text, address text,
            agent text, details jsonb, created_at timestamptz)`.execute(tx),
      );
    },
  };
}
