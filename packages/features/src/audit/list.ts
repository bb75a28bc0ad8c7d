import type { audit } from '@hexabase/contract/audit.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { UseCase } from '../run/use-case.ts';
import { listAuditEntries } from './store.ts';

type Operations = typeof audit.operations;

export const listAudit: UseCase<Operations['list']> = ({ tx, target: { organizationId } }, { query }) =>
  listAuditEntries(tx, { kind: 'organization', organizationId }, query);

/** A leaked API token must not say where its owner signs in. */
export const listOwnAudit: UseCase<Operations['mine']> = ({ tx, actor }, { query }) => {
  if (actor.token) {
    throw new AppError('forbidden', { message: 'This log is for the person, not for API tokens.' });
  }
  return listAuditEntries(tx, { kind: 'person', userId: actor.userId }, query);
};

/** Requests cannot read the platform's chain in the database; only this, after the platform's own decision, does. */
export const listPlatformAudit: UseCase<Operations['platform']> = ({ ports, elsewhere }, { query }) =>
  elsewhere('entries', () =>
    ports.database.asWorker((tx) => listAuditEntries(tx, { kind: 'platform' }, query), { readOnly: true }),
  );
