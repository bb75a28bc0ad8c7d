import type { KeyObject } from 'node:crypto';
import type { Clock } from '@hexabase/kernel/clock.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import type { JWK } from 'jose';
import type { KeyVault } from '@hexabase/kernel/key-vault.ts';
import { loadSigningKeys, rotateKeysIn, type SigningKey } from './signing-keys.ts';

/** The keys of this process: one signs, all published ones verify. Follows rotations of other replicas. */
export interface KeyRing extends AsyncDisposable {
  signer(): SigningKey;
  all(): readonly SigningKey[];
  /** The public key, or null. An unknown id may be a fresh rotation, so it reloads at most once in 10 s. */
  find(kid: string): Promise<KeyObject | null>;
  /** RFC 7517 key set: public parts only. */
  jwks(): { keys: JWK[] };
  /** Changes with each reload that brought other keys; lets others rebuild what they derived. */
  version(): number;
  rotate(options?: { olderThanMs?: number }): Promise<{ rotated: boolean }>;
}

const reloadPauseMs = 10_000;

export interface KeyRingDeps {
  db: Pick<Database, 'asIdentity' | 'listen'>;
  vault: KeyVault;
  clock: Clock;
}

/** Loads the keys, making them at the first start, and listens for rotations. */
export async function openKeyRing({ db, vault, clock }: KeyRingDeps): Promise<KeyRing> {
  let keys: SigningKey[] = [];
  let version = 0;
  let lastReload = 0;

  async function reload(): Promise<void> {
    lastReload = clock.now();
    const loaded = await db.asIdentity((tx) => loadSigningKeys(tx, vault, clock.now()));
    if (fingerprint(loaded) !== fingerprint(keys)) version += 1;
    keys = loaded;
  }

  await reload();
  // A failed reload keeps the old keys, which still verify; the next unknown key id tries again.
  const listening = await db.listen('hexabase_signing_keys', () => void reload().catch(() => undefined));

  return {
    signer() {
      const active = keys.find((key) => key.state === 'active');
      if (!active) throw new Error('there is no active signing key');
      return active;
    },
    all: () => keys,
    async find(kid) {
      const known = keys.find((key) => key.kid === kid);
      if (known) return known.publicKey;
      if (clock.now() - lastReload < reloadPauseMs) return null;
      await reload();
      return keys.find((key) => key.kid === kid)?.publicKey ?? null;
    },
    jwks: () => ({ keys: keys.map((key) => key.publicJwk) }),
    version: () => version,
    async rotate({ olderThanMs = 0 } = {}) {
      const result = await db.asIdentity((tx) =>
        rotateKeysIn(tx, vault, { nowMs: clock.now(), olderThanMs }),
      );
      if (result.rotated) await reload();
      return result;
    },
    [Symbol.asyncDispose]: () => listening[Symbol.asyncDispose](),
  };
}

function fingerprint(keys: readonly SigningKey[]): string {
  return keys.map((key) => `${key.kid}:${key.state}`).join(',');
}
