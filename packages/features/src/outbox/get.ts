import type { outbox } from '@hexabase/contract/platform/outbox.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { UseCase } from '../run/use-case.ts';
import { findMailRow, toMail } from './store.ts';

export const getOutboxMail: UseCase<typeof outbox.operations.get> = async ({ ports }, { params }) => {
  const row = await ports.database.asWorker((tx) => findMailRow(tx, params.id));
  if (!row) throw new AppError('not_found');
  const text = row.text_sealed === null ? null : ports.mail.open({ id: row.id, sealed: row.text_sealed });
  return { data: { ...toMail(row, ports.mail.sends), text } };
};
