import type { KeyVault } from '@hexabase/kernel/key-vault.ts';
import { openMailText, queueMail } from '@hexabase/postgres/mail-queue.ts';
import type { MailPort } from '../run/ports.ts';

/** Letters through the queue in PostgreSQL, sealed by `vault`. */
export function mailPort({
  vault,
  ...rest
}: { vault: KeyVault } & Pick<MailPort, 'sends' | 'readable' | 'site'>): MailPort {
  return {
    ...rest,
    queue: (tx, mail, nowMs) => queueMail(tx, mail, { vault, nowMs }),
    open: (mail) => openMailText(vault, mail),
  };
}
