import { createPrivateKey, createPublicKey, hkdfSync, sign, verify } from 'node:crypto';
import type { ChainHead } from './link-hash.ts';

export interface SignedHead extends ChainHead {
  /** The organization's id, `person:<id>`, or '' for the platform. */
  chain: string;
  /** RFC 3339. */
  signedAt: string;
  /** Ed25519 over `purpose`, chain, sequence, hash and time, base64url. */
  signature: string;
}

/** A head is kept elsewhere to show a cut tail; a checkpoint says where a pruned chain begins. One is never the other. */
export type SignaturePurpose = 'head' | 'checkpoint';

export interface AuditSigner {
  sign(purpose: SignaturePurpose, head: ChainHead & { chain: string; signedAt: string }): SignedHead;
  isOurs(purpose: SignaturePurpose, head: SignedHead): boolean;
  /** PEM; whoever has it can check signatures without us. */
  publicKey: string;
}

/** RFC 8410: what stands before the 32 bytes of an Ed25519 private key. */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Signs with a key derived from the master key, which the database has never seen. */
export function auditSigner(masterKey: Uint8Array): AuditSigner {
  const seed = Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), 'hexabase/audit-signature/v1', 32));
  const privateKey = createPrivateKey({
    key: Buffer.concat([pkcs8Prefix, seed]),
    format: 'der',
    type: 'pkcs8',
  });
  const publicKey = createPublicKey(privateKey);
  return {
    sign: (purpose, head) => ({
      ...head,
      signature: sign(null, signedText(purpose, head), privateKey).toString('base64url'),
    }),
    isOurs: (purpose, head) =>
      verify(null, signedText(purpose, head), publicKey, Buffer.from(head.signature, 'base64url')),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

function signedText(
  purpose: SignaturePurpose,
  { chain, sequence, hash, signedAt }: ChainHead & { chain: string; signedAt: string },
): Buffer {
  return Buffer.from(JSON.stringify(['hexabase audit', purpose, chain, sequence, hash, signedAt]));
}
