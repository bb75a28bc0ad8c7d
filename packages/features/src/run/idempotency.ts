import { createHash } from 'node:crypto';
import type { OperationAnswer, OperationCall } from '@hexabase/contract/call.ts';
import type { Actor } from '@hexabase/kernel/actor.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { dropExpiredKey, readKey, reserveKey, writeKeyAnswer } from './store.ts';

/**
 * The stored answer of an earlier request with this key, or null after reserving it. A duplicate that runs at the same
 * time waits inside the insert until the first one ends. Keys belong to one caller and live for 24 hours.
 * Throws `idempotency_key_reused` when the earlier request was another one.
 */
export async function findOrReserveAnswer(
  tx: Tx,
  call: OperationCall,
  actor: Actor,
): Promise<OperationAnswer | null> {
  const key = keyOf(call);
  if (key === null) return null;
  const owner = { userId: actor.userId, key };
  await dropExpiredKey(tx, owner);
  const hash = requestHash(call);
  if (await reserveKey(tx, { ...owner, operation: call.operation.id, hash })) return null;
  const stored = await readKey(tx, owner);
  if (!stored || stored.hash !== hash || stored.operation !== call.operation.id)
    throw new AppError('idempotency_key_reused');
  return stored.answer;
}

/** Keeps the answer beside the change, in the same transaction. */
export async function storeAnswer(
  tx: Tx,
  { call, actor, answer }: { call: OperationCall; actor: Actor; answer: OperationAnswer },
): Promise<void> {
  const key = keyOf(call);
  if (key !== null)
    await writeKeyAnswer(tx, { userId: actor.userId, key }, { status: call.operation.status, answer });
}

/** Null when the request carries none, or must not be stored because its answer is a secret. */
function keyOf(call: OperationCall): string | null {
  return call.operation.method === 'POST' && call.operation.sensitive !== true ? call.idempotencyKey : null;
}

function requestHash(call: OperationCall): string {
  const request = [call.operation.id, call.params, call.query ?? null, call.body ?? null];
  return createHash('sha256').update(JSON.stringify(request, sortedKeys)).digest('base64url');
}

/** The same body with its keys in another order is the same request. */
function sortedKeys(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
