import { addressBlock } from '@hexabase/kernel/client-address.ts';
import { createTurns, type Share } from '@hexabase/kernel/process/turns.ts';

/** Who tries a password: somebody whose device, place or session we know, or a stranger at an address. */
export type Trier = { known: string } | { address: string };

/**
 * Hashes that are computed at once: each takes about 19 MiB and, for some 15 ms, one of the four threads that names, files
 * and signatures need too. Strangers never have all of them.
 */
const hashing: Share = { key: 'hash', most: 3, waiting: 400 };
const strangersHashing: Share = { key: 'hash of strangers', most: 2, waiting: 300 };
/** Looks of strangers into the database at once, before anything is hashed: sessions need its connections too. */
const strangersLooking: Share = { key: 'look of strangers', most: 3, waiting: 300 };

/** One queue for the process: what is shared is its threads and its memory. */
const turns = createTurns();

/** Looks up what somebody claims who may be anybody, when it is their turn. Throws AppError `rate_limited` where too many wait. */
export function lookInTurn<T>(who: Trier, look: () => Promise<T>): Promise<T> {
  return inTurn('known' in who ? [own('look', who)] : [own('look', who), strangersLooking], look);
}

/** Computes the hash of a password when it is somebody's turn; null: whoever it is has proven that they may set it. */
export function hashInTurn<T>(who: Trier | null, compute: () => Promise<T>): Promise<T> {
  if (who === null) return inTurn([hashing], compute);
  const strangers = 'known' in who ? [] : [strangersHashing];
  return inTurn([own('hash', who), ...strangers, hashing], compute);
}

/** Many people may be behind one address, and nobody is twice at one of their devices. */
function own(what: 'look' | 'hash', who: Trier): Share {
  if ('known' in who) return { key: `${what} known ${who.known}`, most: 1, waiting: 20 };
  return { key: `${what} at ${addressBlock(who.address)}`, most: 2, waiting: 100 };
}

async function inTurn<T>(shares: readonly Share[], run: () => Promise<T>): Promise<T> {
  using _turn = await turns.take(shares);
  return await run();
}
