import type { OutboxMail } from '@hexabase/contract/platform/outbox.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

export interface MailRow {
  id: string;
  organization_id: string | null;
  kind: string;
  recipient: string;
  subject: string;
  text_sealed: string | null;
  created_at: Date;
  sent_at: Date | null;
  last_error: string | null;
}

const columns = sql`id, organization_id, kind, recipient, subject, text_sealed, created_at, sent_at, last_error`;

export async function listMailRows(
  tx: Tx,
  page: { limit: number; offset: number },
): Promise<{ rows: MailRow[]; total: number }> {
  const { rows } = await sql<MailRow>`
    select ${columns} from mails order by created_at desc, id desc limit ${page.limit} offset ${page.offset}`.execute(
    tx,
  );
  const counted = await sql<{ count: number }>`select count(*)::integer as count from mails`.execute(tx);
  return { rows, total: counted.rows[0]?.count ?? 0 };
}

export async function findMailRow(tx: Tx, id: string): Promise<MailRow | null> {
  const { rows } = await sql<MailRow>`select ${columns} from mails where id = ${id}`.execute(tx);
  return rows[0] ?? null;
}

/** Whose account has the address of a letter. */
export async function findAddressee(tx: Tx, email: string): Promise<string | null> {
  const { rows } = await sql<{
    id: string;
  }>`select id from users where lower(email) = lower(${email})`.execute(tx);
  return rows[0]?.id ?? null;
}

/** `sends`: a mail server is set, so what has not left is on its way. */
export function toMail(row: MailRow, sends: boolean): OutboxMail {
  return {
    id: row.id,
    kind: row.kind,
    recipient: row.recipient,
    subject: row.subject,
    state: row.sent_at !== null ? 'sent' : sends ? 'waiting' : 'kept',
    createdAt: row.created_at.toISOString(),
    sentAt: row.sent_at?.toISOString() ?? null,
    lastError: row.last_error,
  };
}
