import { newId, type OperationId } from '@hexabase/kernel/id.ts';
import type { Context } from '../run/use-case.ts';
import { insertOperation, type NewOperation } from './store.ts';

/** Notes that work begins, in the transaction of the request: the answer already names it. */
export async function beginOperation(
  { tx, actor, nowMs }: Context,
  what: Pick<NewOperation, 'kind' | 'subject' | 'organizationId' | 'generation'>,
): Promise<OperationId> {
  const id = newId<'Operation'>(nowMs);
  await insertOperation(tx, { ...what, id, createdBy: actor.userId, createdAt: new Date(nowMs) });
  return id;
}
