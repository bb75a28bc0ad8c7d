import type { LongOperation } from '@hexabase/contract/long-operation.ts';
import type { OrganizationId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import { offsetOf, orderBy, type PageQuery } from '../run/paging.ts';

interface OperationRow {
  id: string;
  kind: string;
  organization_id: string;
  subject: string;
  state: LongOperation['state'];
  step: number;
  steps: number;
  message: string;
  report: Record<string, unknown> | null;
  created_at: Date;
  finished_at: Date | null;
  events: LongOperation['events'];
}

export interface NewOperation {
  id: string;
  kind: string;
  subject: string;
  organizationId: string;
  generation: number;
  createdBy: string;
  createdAt: Date;
}

export async function insertOperation(tx: Tx, row: NewOperation): Promise<void> {
  await sql`
    insert into operations (id, organization_id, kind, subject, generation, message, created_by, created_at)
    values (${row.id}, ${row.organizationId}, ${row.kind}, ${row.subject}, ${row.generation},
      'Waiting for a worker', ${row.createdBy}, ${row.createdAt})`.execute(tx);
}

const sortable = { createdAt: 'created_at', kind: 'kind', state: 'state' } as const;

const eventsOfRow = sql`coalesce((
  select jsonb_agg(jsonb_build_object('step', e.step, 'attempt', e.attempt, 'kind', e.kind, 'message', e.message,
    'at', to_char(e.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) order by e.at)
  from operation_events e where e.operation_id = o.id), '[]') as events`;

export interface OperationFilter extends PageQuery {
  organizationIds: readonly OrganizationId[];
  subject?: string | undefined;
}

export async function listOperationRows(
  tx: Tx,
  filter: OperationFilter,
): Promise<{ data: LongOperation[]; total: number }> {
  const order = orderBy(filter.sort, sortable, { column: 'created_at', direction: 'desc' });
  const where = sql`o.organization_id = any (${[...filter.organizationIds]})
    ${filter.subject === undefined ? sql`` : sql`and o.subject = ${filter.subject}`}`;
  const direction = order.direction === 'asc' ? sql`asc` : sql`desc`;
  const { rows } = await sql<OperationRow>`
    select o.*, ${eventsOfRow} from operations o where ${where}
    order by ${sql.ref(`o.${order.column}`)} ${direction}, o.id ${direction}
    limit ${filter.limit} offset ${offsetOf(filter)}`.execute(tx);
  const counted = await sql<{
    total: number;
  }>`select count(*)::integer as total from operations o where ${where}`.execute(tx);
  return { data: rows.map(toOperation), total: counted.rows[0]?.total ?? 0 };
}

export async function getOperationRow(tx: Tx, id: string): Promise<LongOperation | null> {
  const { rows } =
    await sql<OperationRow>`select o.*, ${eventsOfRow} from operations o where o.id = ${id}`.execute(tx);
  return rows[0] ? toOperation(rows[0]) : null;
}

function toOperation(row: OperationRow): LongOperation {
  return {
    id: row.id,
    kind: row.kind,
    organizationId: row.organization_id,
    subject: row.subject,
    state: row.state,
    progress:
      row.state === 'running' && row.steps > 0
        ? { step: row.step, steps: row.steps, message: row.message }
        : null,
    message: row.message,
    report: row.report,
    events: row.events,
    createdAt: row.created_at.toISOString(),
    finishedAt: row.finished_at?.toISOString() ?? null,
  };
}
