import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { ContentPart, PackedContent } from '@hexabase/cluster/copy/content.ts';
import type { KeyVault } from '@hexabase/kernel/key-vault.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

/** What was read of a source and is not all written yet. Its parts are read one by one, where they are written. */
export interface KeptCopy {
  /** Of the source, of which it is a copy. */
  revision: string;
  objects: number;
  parts: number;
  /** Parts that are in the clone. */
  written: number;
  /** How often the next part was refused. */
  refusals: number;
}

/** One part belongs to one place in one workspace. */
interface PartOf {
  workspaceId: string;
  part: number;
}

const compress = promisify(gzip);
const decompress = promisify(gunzip);

/** Compressed and encrypted for the row of this one part. */
export async function sealPart(vault: KeyVault, of: PartOf, text: string): Promise<string> {
  return vault.seal(await compress(text), contextOf(of));
}

/** Throws when the text was changed, or belongs to another part, workspace or master key. */
export async function openPart(vault: KeyVault, of: PartOf, sealed: string): Promise<ContentPart> {
  return JSON.parse((await decompress(vault.open(sealed, contextOf(of)))).toString('utf8'));
}

/** Keeps what was read, and tells people of it. The first one stays: a clone is of one moment. */
export async function keepCopy(
  tx: Tx,
  workspaceId: string,
  { content, takenAt }: { content: PackedContent; takenAt: string },
): Promise<void> {
  const { revision, parts, objects } = content;
  const { numAffectedRows } = await sql`insert into workspace_copies (workspace_id, revision, parts)
    values (${workspaceId}, ${revision}, ${parts.length}) on conflict do nothing`.execute(tx);
  if (numAffectedRows === 0n) return;
  for (const [part, sealed] of parts.entries()) {
    await sql`insert into workspace_copy_parts (workspace_id, part, sealed)
      values (${workspaceId}, ${part}, ${sealed})`.execute(tx);
  }
  const leftOut = content.leftOut.map(({ what, count }) => `${what}: ${count}`);
  await sql`update workspaces set clone = clone || jsonb_build_object('takenAt', ${takenAt}::text,
      'objects', ${objects}::int, 'notCopied', (clone -> 'notCopied') || ${JSON.stringify(leftOut)}::jsonb)
    where id = ${workspaceId}`.execute(tx);
}

/** One part, as it was sealed; null when it is not kept any more. */
export async function readSealedPart(tx: Tx, { workspaceId, part }: PartOf): Promise<string | null> {
  const { rows } = await sql<{ sealed: string }>`
    select sealed from workspace_copy_parts where workspace_id = ${workspaceId} and part = ${part}`.execute(
    tx,
  );
  return rows[0]?.sealed ?? null;
}

/** The copy goes on from here, whoever goes on with it. */
export async function noteWritten(tx: Tx, workspaceId: string, written: number): Promise<void> {
  await sql`update workspace_copies set written = greatest(written, ${written}), refusals = 0
    where workspace_id = ${workspaceId}`.execute(tx);
}

/** The clone has refused the next part once more. */
export async function noteRefused(tx: Tx, workspaceId: string): Promise<void> {
  await sql`update workspace_copies set refusals = refusals + 1 where workspace_id = ${workspaceId}`.execute(
    tx,
  );
}

/** Secrets of the source stay nowhere but in the clone itself. */
export async function forgetCopy(tx: Tx, workspaceId: string): Promise<void> {
  await sql`delete from workspace_copies where workspace_id = ${workspaceId}`.execute(tx);
}

function contextOf({ workspaceId, part }: PartOf): string {
  return `workspace_copies/${workspaceId}/${part}`;
}
