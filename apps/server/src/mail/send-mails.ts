import type { Clock } from '@hexabase/kernel/clock.ts';
import type { KeyVault } from '@hexabase/kernel/key-vault.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import { openMailText } from '@hexabase/postgres/mail-queue.ts';
import { sql } from 'kysely';
import { createTransport, type Transporter } from 'nodemailer';

export interface MailServer {
  /** `smtp://user:password@host:587`, `smtps://…`. */
  url: string;
  /** Sender, `Hexabase AI <noreply@example.com>`. */
  from: string;
}

const connectTimeoutMs = 10_000;

/** One connection pool to the mail server; TLS is taken whenever the server offers it. */
export function openMailTransport({ url, from }: MailServer): Transporter {
  const timeouts = {
    connectionTimeout: connectTimeoutMs,
    greetingTimeout: connectTimeoutMs,
    socketTimeout: 30_000,
  };
  return createTransport(
    { url, pool: true, maxConnections: 2, disableFileAccess: true, disableUrlAccess: true, ...timeouts },
    { from },
  );
}

export interface SendDeps {
  database: Database;
  vault: KeyVault;
  transport: Pick<Transporter, 'sendMail'>;
  clock: Clock;
}

interface DueMail {
  id: string;
  recipient: string;
  subject: string;
  text_sealed: string;
  attempts: number;
}

const retryMsMax = 3_600_000;
const attemptsMax = 24;

/**
 * Sends one letter that is due; false when none is. The row is locked while it is sent, so that replicas do not send it
 * twice; a process that dies between the server's yes and the commit sends it again (at least once).
 */
export async function sendNextMail({ database, vault, transport, clock }: SendDeps): Promise<boolean> {
  return database.asWorker(async (tx) => {
    const { rows } = await sql<DueMail>`
      select id, recipient, subject, text_sealed, attempts from mails
      where next_attempt_at <= ${new Date(clock.now())} and text_sealed is not null
      order by next_attempt_at limit 1 for update skip locked`.execute(tx);
    const mail = rows[0];
    if (!mail) return false;
    try {
      const text = openMailText(vault, { id: mail.id, sealed: mail.text_sealed });
      await transport.sendMail({
        to: { name: '', address: mail.recipient },
        subject: mail.subject,
        text,
        messageId: `<${mail.id}@hexabase>`,
      });
      await sql`update mails set sent_at = ${new Date(clock.now())}, text_sealed = null, next_attempt_at = null,
        last_error = null where id = ${mail.id}`.execute(tx);
    } catch (error) {
      const attempts = mail.attempts + 1;
      const waitMs = Math.min(retryMsMax, 5_000 * 2 ** attempts);
      const next = attempts >= attemptsMax ? null : new Date(clock.now() + waitMs);
      const reason = error instanceof Error ? error.message.slice(0, 300) : 'unknown';
      await sql`update mails set attempts = ${attempts}, next_attempt_at = ${next}, last_error = ${reason}
        where id = ${mail.id}`.execute(tx);
    }
    return true;
  });
}
