import type { audit, AuditEntry, AuditFilters } from '@hexabase/contract/audit.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import type { TargetContext, UseCase } from '../run/use-case.ts';
import { toAuditEntry, type AuditRow } from './audit-row.ts';
import { csvLine } from './csv.ts';
import { nextAuditEntries, type AuditPlace, type AuditScope } from './store.ts';

/** Entries that are read at once: little memory, however long the log is. */
const batchSize = 1_000;

export type ExportFormat = 'csv' | 'jsonl';

/** The log as a stream, oldest first. */
export const exportAudit: UseCase<typeof audit.operations.export> = async (context, { query }) => {
  const { format, ...filters } = query;
  const { target, ports, actor } = context;
  const scope = { kind: 'organization', organizationId: target.organizationId } as const;
  const tenant = { userId: actor.userId, organizationIds: [target.organizationId] };
  const read = <T>(run: (tx: Tx) => Promise<T>): Promise<T> =>
    context.inTurn(target.organizationId, () => ports.database.asTenant(tenant, run, { readOnly: true }));
  context.note(query);
  return {
    data: null,
    stream: {
      type: format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson; charset=utf-8',
      fileName: fileName(context, format),
      chunks: auditChunks(read, scope, { format, ...filters }),
    },
  };
};

/** The text of an export in pieces of a thousand entries; each is read in a short transaction of its own. */
export async function* auditChunks(
  read: <T>(run: (tx: Tx) => Promise<T>) => Promise<T>,
  scope: AuditScope,
  { format, ...filters }: AuditFilters & { format: ExportFormat },
): AsyncGenerator<string> {
  if (format === 'csv') yield csvLine(csvHead);
  let after: AuditPlace | null = null;
  for (;;) {
    const query: AuditFilters & { after: AuditPlace | null; limit: number } = {
      ...filters,
      after,
      limit: batchSize,
    };
    const rows: AuditRow[] = await read((tx) => nextAuditEntries(tx, scope, query));
    if (rows.length > 0) yield rows.map(format === 'csv' ? csvRow : jsonRow).join('');
    const last = rows.at(-1);
    if (rows.length < batchSize || !last) return;
    after = { createdAt: last.created_at, id: last.id };
  }
}

const csvHead = [
  'createdAt',
  'actorEmail',
  'actorId',
  'action',
  'target',
  'outcome',
  'address',
  'agent',
  'workspaceId',
  'grantId',
  'requestId',
  'details',
  'organizationId',
  'personId',
  'sequence',
  'hash',
  'id',
] as const satisfies readonly (keyof AuditEntry)[];

function csvRow(row: AuditRow): string {
  const entry = toAuditEntry(row);
  return csvLine(
    csvHead.map((field) => (field === 'details' ? JSON.stringify(entry.details) : entry[field])),
  );
}

function jsonRow(row: AuditRow): string {
  return `${JSON.stringify(toAuditEntry(row))}\n`;
}

function fileName({ target, ports }: TargetContext, format: ExportFormat): string {
  const day = new Date(ports.clock.now()).toISOString().slice(0, 10);
  return `audit-${target.organizationId}-${day}.${format}`;
}
