import { outbox } from '@hexabase/contract/platform/outbox.ts';
import { bind } from '../run/use-case.ts';
import { getOutboxMail } from './get.ts';
import { listOutbox } from './list.ts';

const { operations } = outbox;

export const outboxRoutes = [bind(operations.list, listOutbox), bind(operations.get, getOutboxMail)];
