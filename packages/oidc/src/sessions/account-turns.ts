import { createTurns, type Share } from '@hexabase/kernel/process/turns.ts';
import { defaultPoolSizes } from '@hexabase/postgres/role-pool.ts';

const connections = defaultPoolSizes.identity;
/** Of one account: what is done to its sessions waits for each other anyway, on their rows. */
const ownChanges = { most: 2, waiting: 100 };
const ownLooks = { most: connections / 2 };
/**
 * Of all accounts together. A change may wait for a lock, as long as something that is done in the session takes; who only
 * has to be looked up never does, and always finds a connection.
 */
const changes: Share = { key: 'changes', most: connections - 2 };

/** One queue for the process: what is shared is its connections. */
const turns = createTurns();

/** Changes sessions or second factors of an account when it is its turn. Throws AppError `rate_limited` after five seconds. */
export async function changeInTurn<T>(userId: string, change: () => Promise<T>): Promise<T> {
  using _turn = await turns.take([{ key: `change of ${userId}`, ...ownChanges }, changes]);
  return await change();
}

/** Looks an account up, or what belongs to it, when it is its turn. Throws as `changeInTurn` does. */
export async function lookUpInTurn<T>(owner: string, look: () => Promise<T>): Promise<T> {
  using _turn = await turns.take([{ key: `look of ${owner}`, ...ownLooks }]);
  return await look();
}
