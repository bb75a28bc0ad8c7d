import { isAppError } from '@hexabase/kernel/errors.ts';
import { newId } from '@hexabase/kernel/id.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { Database, Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

/** One request to a cluster, for the audit log of its organization. Holds no query, body or token. */
export interface AccessRecord {
  organizationId: string;
  workspaceId: string;
  /** By which somebody from outside the organization was let in. */
  grantId: string | null;
  /** Null for what the gateway tells of many together. */
  actorId: string | null;
  actorEmail: string | null;
  /** `kube:<verb>`; `kube:refused` for requests that could not be recorded one by one. */
  action: string;
  /** `workspaces/<id>/<path>`. */
  target: string;
  outcome: 'allowed' | 'denied' | 'failed';
  requestId: string;
  /** The address that the connection came from. */
  address: string | null;
  /** What the program says it is. */
  agent: string | null;
  /** Milliseconds since the epoch. */
  atMs: number;
  details: {
    /** 0 without an answer. */
    status: number;
  };
}

/** In UTF-16 units. */
const textMax = 1_024;
/** Data exceptions, broken constraints, limits of PostgreSQL: what was sent is why, and it would be so again. */
const ofContent = /^(?:22|23|54)/;

/**
 * Writes batches of cluster accesses into the audit log, all or none, unchained; the chainer numbers and hashes them later.
 * No content keeps the others out: a record that PostgreSQL refuses is written without what a client chose of it.
 */
export function accessAudit(
  db: Pick<Database, 'asWorker'>,
  log: Logger,
): { write(records: readonly AccessRecord[]): Promise<void> } {
  return {
    async write(records) {
      try {
        await db.asWorker((tx) => insert(tx, records), { oneStatement: true });
      } catch (error) {
        if (!isOfContent(error)) throw error;
        await db.asWorker((tx) => insertApart(tx, records, log));
      }
    },
  };
}

/** Halves what is refused until the one record is alone. */
async function insertApart(tx: Tx, records: readonly AccessRecord[], log: Logger): Promise<void> {
  const error = await refusalOf(tx, records);
  if (error === null) return;
  const [first] = records;
  if (first === undefined) return;
  if (records.length > 1) {
    const half = records.length >> 1;
    await insertApart(tx, records.slice(0, half), log);
    await insertApart(tx, records.slice(half), log);
    return;
  }
  const { requestId, organizationId } = first;
  log.error({ error, requestId, organizationId }, 'an access was recorded without what PostgreSQL refused');
  const lost = await refusalOf(tx, [harmless(first)]);
  if (lost !== null) log.error({ error: lost, requestId, organizationId }, 'an access could not be recorded');
}

/** Why PostgreSQL does not take them; null when it did. Throws what is not of their content. */
async function refusalOf(tx: Tx, records: readonly AccessRecord[]): Promise<unknown> {
  await sql`SAVEPOINT accesses`.execute(tx);
  try {
    await insert(tx, records);
  } catch (error) {
    if (!isOfContent(error)) throw error;
    await sql`ROLLBACK TO SAVEPOINT accesses`.execute(tx);
    return error;
  }
  await sql`RELEASE SAVEPOINT accesses`.execute(tx);
  return null;
}

/** The doors of the database tell some of them as an `AppError`. */
function isOfContent(error: unknown): boolean {
  if (isAppError(error)) return error.code === 'validation_failed' || error.code === 'conflict';
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return typeof code === 'string' && ofContent.test(code);
}

/** Who, when, what kind and with which answer: nothing of it is a client's to choose. */
function harmless(record: AccessRecord): AccessRecord {
  const { status } = record.details;
  const outcome =
    status === 401 || status === 403 ? 'denied' : status > 0 && status < 400 ? 'allowed' : 'failed';
  return {
    ...record,
    target: `workspaces/${record.workspaceId}`,
    outcome,
    address: null,
    agent: null,
    details: Object.assign({ status }, { unwritable: true }),
  };
}

async function insert(tx: Tx, records: readonly AccessRecord[]): Promise<void> {
  await sql`
    INSERT INTO hexabase.audit_entries
      (id, organization_id, workspace_id, access_grant_id, actor_id, actor_email, action, target, outcome, request_id, address, agent,
       details, created_at)
    SELECT id, organization_id, workspace_id, access_grant_id, actor_id, actor_email, action, target, outcome, request_id, address,
      agent, details, created_at
    FROM jsonb_to_recordset(${JSON.stringify(records.map(rowOf), storable)}::jsonb) AS r (id text, organization_id text,
      workspace_id text, access_grant_id text, actor_id text, actor_email text, action text, target text, outcome text,
      request_id text, address text, agent text, details jsonb, created_at timestamptz)`.execute(tx);
}

function rowOf(record: AccessRecord) {
  return {
    id: newId<'AuditEntry'>(record.atMs),
    organization_id: record.organizationId,
    workspace_id: record.workspaceId,
    access_grant_id: record.grantId,
    actor_id: record.actorId,
    actor_email: record.actorEmail,
    action: record.action,
    target: record.target,
    outcome: record.outcome,
    request_id: record.requestId,
    address: record.address,
    agent: record.agent,
    details: record.details,
    created_at: new Date(record.atMs).toISOString(),
  };
}

/** Text as PostgreSQL takes it: no half of a surrogate pair, no NUL, and short, no character cut in two. */
function storable(_key: string, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const wellFormed = value.toWellFormed().replaceAll('\0', '\uFFFD');
  if (wellFormed.length <= textMax) return wellFormed;
  const isLead = (wellFormed.charCodeAt(textMax - 1) & 0xfc00) === 0xd800;
  return wellFormed.slice(0, isLead ? textMax - 1 : textMax);
}
