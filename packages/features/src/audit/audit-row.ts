import type { AuditEntry } from '@hexabase/contract/audit.ts';

export interface AuditRow {
  id: string;
  /** Form of the hash. */
  version: number;
  /** The organization's id, `person:<id>`, or '' for the platform. */
  chain: string;
  organization_id: string | null;
  person_id: string | null;
  /** Organizations that may see an entry of a person's chain. */
  seen_by: string[];
  workspace_id: string | null;
  access_grant_id: string | null;
  /** bigint: text in the driver. */
  sequence: string | null;
  actor_id: string | null;
  actor_email: string | null;
  action: string;
  target: string;
  outcome: AuditEntry['outcome'];
  request_id: string;
  address: string | null;
  agent: string | null;
  details: Record<string, unknown>;
  hash: string | null;
  created_at: Date;
}

/** As people read it. Which other organizations may see it is nobody's business. */
export function toAuditEntry(row: AuditRow): AuditEntry {
  return {
    id: row.id,
    organizationId: row.organization_id,
    personId: row.person_id,
    workspaceId: row.workspace_id,
    sequence: row.sequence === null ? null : Number(row.sequence),
    actorId: row.actor_id,
    actorEmail: row.actor_email,
    grantId: row.access_grant_id,
    action: row.action,
    target: row.target,
    outcome: row.outcome,
    address: row.address,
    agent: row.agent,
    requestId: row.request_id,
    details: row.details,
    hash: row.hash,
    createdAt: row.created_at.toISOString(),
  };
}
