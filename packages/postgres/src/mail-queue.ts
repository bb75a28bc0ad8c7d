import { isMachineAddress } from '@hexabase/kernel/text/email-address.ts';
import { newId } from '@hexabase/kernel/id.ts';
import type { KeyVault } from '@hexabase/kernel/key-vault.ts';
import { sql } from 'kysely';
import type { Tx } from './database.ts';

/** A letter to one person, in plain text. */
export interface Mail {
  /** What it is about, for operators: `invitation`. */
  kind: string;
  recipient: string;
  subject: string;
  text: string;
  organizationId: string | null;
}

/**
 * Queues a mail in the caller's transaction: it leaves when that commits, and not at all when it does not. The text is
 * sealed, because it may hold a link that lets somebody in. Nothing is sent to what is nobody's mailbox.
 */
export async function queueMail(
  tx: Tx,
  mail: Mail,
  { vault, nowMs }: { vault: KeyVault; nowMs: number },
): Promise<void> {
  if (isMachineAddress(mail.recipient)) return;
  const id = newId(nowMs);
  const sealed = vault.seal(Buffer.from(mail.text), contextOf(id));
  await sql`
    insert into hexabase.mails (id, organization_id, kind, recipient, subject, text_sealed, created_at, next_attempt_at)
    values (${id}, ${mail.organizationId}, ${mail.kind}, ${mail.recipient}, ${mail.subject}, ${sealed},
      ${new Date(nowMs)}, ${new Date(nowMs)})`.execute(tx);
}

/** The text of a queued mail. Throws when the row was changed or belongs to another master key. */
export function openMailText(vault: KeyVault, { id, sealed }: { id: string; sealed: string }): string {
  return vault.open(sealed, contextOf(id)).toString();
}

function contextOf(id: string): string {
  return `hexabase.mails/${id}/text`;
}
