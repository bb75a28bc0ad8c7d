import { hash, verify } from '@node-rs/argon2';
import { AppError } from '@hexabase/kernel/errors.ts';

const passwordBytesMax = 1_024;

/** Each verification takes about 19 MiB for some 15 ms: this many at once, the rest waits its turn or is refused. */
const verificationsAtOnce = 4;
const verificationsWaitingMax = 200;

/** A hash of a random password nobody knows: looking up an unknown address costs the same as a wrong password. */
let dummyHash: Promise<string> | undefined;

/** Hashes with argon2id (OWASP parameters: 19 MiB, 2 passes). */
export function hashPassword(password: string): Promise<string> {
  return hash(password);
}

/** Whether the password fits. With no stored hash it takes as long and answers false. */
export async function passwordFits(storedHash: string | null, password: string): Promise<boolean> {
  dummyHash ??= hashPassword(crypto.randomUUID());
  const compared = storedHash ?? (await dummyHash);
  if (Buffer.byteLength(password) > passwordBytesMax) return false;
  const fits = await inTurn(() => verify(compared, password));
  return fits && storedHash !== null;
}

let running = 0;
const waiting: (() => void)[] = [];

async function inTurn<T>(run: () => Promise<T>): Promise<T> {
  if (running >= verificationsAtOnce) {
    if (waiting.length >= verificationsWaitingMax)
      throw new AppError('rate_limited', { details: { retryAfterSeconds: 2 } });
    await new Promise<void>((resolve) => waiting.push(resolve));
  } else {
    running += 1;
  }
  try {
    return await run();
  } finally {
    // A waiting one takes over this place, so the count stays.
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  }
}
