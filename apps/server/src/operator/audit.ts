import { chainAuditEntries } from '@hexabase/features/audit/chain.ts';
import { auditChunks, type ExportFormat } from '@hexabase/features/audit/export.ts';
import type { AuditSigner, SignedHead } from '@hexabase/features/audit/signer.ts';
import { listAuditEntries, type AuditScope } from '@hexabase/features/audit/store.ts';
import { verifyAllChains, type ChainReport } from '@hexabase/features/audit/verify.ts';
import type { AuditEntry, AuditFilters } from '@hexabase/contract/audit.ts';
import type { OpenedDatabase } from '@hexabase/postgres/open-database.ts';
import { StartError } from '../lifecycle/data-folder.ts';
import { findOrganizationId, findUserId, recordOperator } from './store.ts';

/** Recomputes every hash chain. Entries without a place yet are given one first. */
export async function verifyAudit(
  database: OpenedDatabase,
  against: { signer: AuditSigner; kept: readonly SignedHead[] },
): Promise<ChainReport[]> {
  while ((await chainAuditEntries(database)) > 0);
  return verifyAllChains(database, against);
}

/** Whose log an operator asks for: an organization's or a person's by name, else the platform's. */
export interface AuditOwner {
  organization?: string | undefined;
  person?: string | undefined;
}

type Page = AuditFilters & { page: number; limit: number; sort?: string | undefined };

export async function listAudit(
  database: OpenedDatabase,
  owner: AuditOwner,
  query: Page,
): Promise<{ data: AuditEntry[]; total: number }> {
  const scope = await scopeOf(database, owner);
  await recordReading(database, scope, 'operator.audit.list');
  return database.asWorker((tx) => listAuditEntries(tx, scope, query), { readOnly: true });
}

/** The pieces of an export. */
export async function exportAudit(
  database: OpenedDatabase,
  owner: AuditOwner,
  query: AuditFilters & { format: ExportFormat },
): Promise<AsyncIterable<string>> {
  const scope = await scopeOf(database, owner);
  await recordReading(database, scope, 'operator.audit.export');
  return auditChunks((run) => database.asWorker(run, { readOnly: true }), scope, query);
}

async function scopeOf(database: OpenedDatabase, { organization, person }: AuditOwner): Promise<AuditScope> {
  if (organization !== undefined && person !== undefined)
    throw new StartError('Name an organization or a person, not both.');
  if (organization !== undefined)
    return { kind: 'organization', organizationId: await findOrganizationId(database, organization) };
  if (person === undefined) return { kind: 'platform' };
  const userId = await findUserId(database, person);
  if (userId === null) throw new StartError(`There is no account ${person}.`);
  return { kind: 'person', userId };
}

/** Who reads somebody else's log is in that log. */
async function recordReading(database: OpenedDatabase, scope: AuditScope, action: string): Promise<void> {
  const owner = {
    ...(scope.kind === 'organization' && { organizationId: scope.organizationId }),
    ...(scope.kind === 'person' && { personId: scope.userId }),
  };
  await database.asIdentity((tx) => recordOperator(tx, { action, target: 'audit', ...owner }));
}
