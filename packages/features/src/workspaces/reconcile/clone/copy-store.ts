import { gunzipSync, gzipSync } from 'node:zlib';
import type { TenantContent } from '@hexabase/cluster/copy/content.ts';
import type { KeyVault } from '@hexabase/kernel/key-vault.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

/** What was read of a source and is not all written yet. Its content is big: it is read only where it is written. */
export interface KeptCopy {
  /** Batches that are in the clone. */
  written: number;
}

/** Compressed and encrypted for the row of this one workspace. */
export function sealContent(vault: KeyVault, workspaceId: string, content: TenantContent): string {
  return vault.seal(gzipSync(JSON.stringify(content)), contextOf(workspaceId));
}

/** Throws when the text was changed, or belongs to another workspace or master key. */
export function openContent(vault: KeyVault, workspaceId: string, sealed: string): TenantContent {
  return JSON.parse(gunzipSync(vault.open(sealed, contextOf(workspaceId))).toString('utf8'));
}

/** Keeps what was read, and tells people of it. The first one stays: a clone is of one moment. */
export async function keepCopy(
  tx: Tx,
  workspaceId: string,
  {
    sealed,
    told,
  }: { sealed: string; told: { takenAt: string; objects: number; leftOut: readonly string[] } },
): Promise<void> {
  const { numAffectedRows } = await sql`insert into workspace_copies (workspace_id, sealed)
    values (${workspaceId}, ${sealed}) on conflict do nothing`.execute(tx);
  if (numAffectedRows === 0n) return;
  await sql`update workspaces set clone = clone || jsonb_build_object('takenAt', ${told.takenAt}::text,
      'objects', ${told.objects}::int, 'notCopied', (clone -> 'notCopied') || ${JSON.stringify(told.leftOut)}::jsonb)
    where id = ${workspaceId}`.execute(tx);
}

/** What was read, as it was sealed; null when it is not kept any more. */
export async function readSealed(tx: Tx, workspaceId: string): Promise<string | null> {
  const { rows } = await sql<{ sealed: string }>`
    select sealed from workspace_copies where workspace_id = ${workspaceId}`.execute(tx);
  return rows[0]?.sealed ?? null;
}

/** The copy goes on from here, whoever goes on with it. */
export async function noteWritten(tx: Tx, workspaceId: string, written: number): Promise<void> {
  await sql`update workspace_copies set written = greatest(written, ${written})
    where workspace_id = ${workspaceId}`.execute(tx);
}

/** Secrets of the source stay nowhere but in the clone itself. */
export async function forgetCopy(tx: Tx, workspaceId: string): Promise<void> {
  await sql`delete from workspace_copies where workspace_id = ${workspaceId}`.execute(tx);
}

function contextOf(workspaceId: string): string {
  return `workspace_copies/${workspaceId}/sealed`;
}
