import type { outbox } from '@hexabase/contract/platform/outbox.ts';
import { offsetOf } from '../run/paging.ts';
import type { UseCase } from '../run/use-case.ts';
import { listMailRows, toMail } from './store.ts';

/** Requests cannot read mails in the database; only this, after the platform's own decision, does it for operators. */
export const listOutbox: UseCase<typeof outbox.operations.list> = async ({ ports, elsewhere }, { query }) => {
  const page = { limit: query.limit, offset: offsetOf(query) };
  const { rows, total } = await elsewhere('mails', () =>
    ports.database.asWorker((tx) => listMailRows(tx, page)),
  );
  return { data: rows.map((row) => toMail(row, ports.mail.sends)), total };
};
