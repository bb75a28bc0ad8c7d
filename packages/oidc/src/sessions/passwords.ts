import { hash, verify } from '@node-rs/argon2';
import { hashInTurn, type Trier } from './password-turns.ts';

const passwordBytesMax = 1_024;

/** A hash of a random password nobody knows: looking up an unknown address costs the same as a wrong password. */
let dummyHash: Promise<string> | undefined;

/** Hashes with argon2id (OWASP parameters: 19 MiB, 2 passes). Throws AppError `rate_limited` where too many wait. */
export function hashPassword(password: string): Promise<string> {
  return hashInTurn(null, () => hash(password));
}

/**
 * Whether the password fits. With no stored hash it takes as long and answers false. Throws AppError `rate_limited` where
 * too many wait.
 */
export async function passwordFits(
  storedHash: string | null,
  { password, who }: { password: string; who: Trier },
): Promise<boolean> {
  dummyHash ??= hash(crypto.randomUUID());
  const compared = storedHash ?? (await dummyHash);
  if (Buffer.byteLength(password) > passwordBytesMax) return false;
  const fits = await hashInTurn(who, () => verify(compared, password));
  return fits && storedHash !== null;
}
