import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/** Encrypts small secrets for a database column. `context` (table, row, column) is authenticated: a swapped ciphertext fails. */
export interface KeyVault {
  seal(plain: Buffer, context: string): string;
  /** Throws when the text was changed, belongs to another context or to another master key. */
  open(sealed: string, context: string): Buffer;
}

/** Raised for a master key that is not the one of this database; says what to do. */
export class WrongKeyError extends Error {
  constructor(options: ErrorOptions) {
    super(
      'The master key is not the one of this database. Give the one that it was first started with: master.key in the data folder, or HKS_MASTER_KEY, HKS_MASTER_KEY_FILE or HKS_MASTER_KEY_COMMAND. Nothing in the database was changed.',
      options,
    );
    this.name = 'WrongKeyError';
  }
}

const version = 'v1';
const ivBytes = 12;
const tagBytes = 16;

/** AES-256-GCM under a key derived from the master key (HKDF-SHA256), so that the master key has no use of its own. */
export function createKeyVault(masterKey: Uint8Array): KeyVault {
  if (masterKey.length < 32) throw new Error('the master key must have at least 32 bytes');
  const key = Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), 'hexabase/key-vault/v1', 32));
  return {
    seal(plain, context) {
      const iv = randomBytes(ivBytes);
      const cipher = createCipheriv('aes-256-gcm', key, iv);
      cipher.setAAD(Buffer.from(context));
      const body = Buffer.concat([cipher.update(plain), cipher.final()]);
      return `${version}.${Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url')}`;
    },
    open(sealed, context) {
      if (!sealed.startsWith(`${version}.`)) throw new Error('the sealed secret has an unknown version');
      const bytes = Buffer.from(sealed.slice(version.length + 1), 'base64url');
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, ivBytes), {
        authTagLength: tagBytes,
      });
      decipher.setAAD(Buffer.from(context));
      decipher.setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
      return Buffer.concat([decipher.update(bytes.subarray(ivBytes + tagBytes)), decipher.final()]);
    },
  };
}
