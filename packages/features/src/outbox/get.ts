import type { outbox } from '@hexabase/contract/platform/outbox.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { newId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { insertAuditEntry } from '../run/store.ts';
import type { Context, UseCase } from '../run/use-case.ts';
import { findAddressee, findMailRow, toMail, type MailRow } from './store.ts';

/**
 * One letter. Its text may hold what lets its reader in, so whoever it is for, and the organization that it is about,
 * find in their own logs that an operator has read it; neither is shown without the other.
 */
export const getOutboxMail: UseCase<typeof outbox.operations.get> = async (context, { params }) => {
  const { ports } = context;
  const { row, text } = await context.elsewhere('mail', () =>
    ports.database.asWorker(async (tx) => {
      const found = await findMailRow(tx, params.id);
      if (!found) throw new AppError('not_found');
      if (!ports.mail.readable || found.text_sealed === null) return { row: found, text: null };
      await recordReading(tx, context, found);
      return { row: found, text: ports.mail.open({ id: found.id, sealed: found.text_sealed }) };
    }),
  );
  context.note({ mail: row.id, kind: row.kind, recipient: row.recipient, textShown: text !== null });
  return { data: { ...toMail(row, ports.mail.sends), text } };
};

/** In the logs of those concerned; the platform's has the request itself. */
async function recordReading(tx: Tx, { actor, requestId, nowMs }: Context, mail: MailRow): Promise<void> {
  const entry = {
    actorId: actor.userId,
    actorEmail: actor.email,
    action: 'outbox.get',
    target: `outbox/${mail.id}`,
    outcome: 'allowed',
    requestId,
    details: { kind: mail.kind, recipient: mail.recipient },
    createdAt: new Date(nowMs),
  } as const;
  const person = await findAddressee(tx, mail.recipient);
  if (person !== null)
    await insertAuditEntry(tx, { ...entry, id: newId(nowMs), organizationId: null, personId: person });
  const { organization_id: organizationId } = mail;
  if (organizationId !== null) await insertAuditEntry(tx, { ...entry, id: newId(nowMs), organizationId });
}
