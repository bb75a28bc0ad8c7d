import { hash } from 'node:crypto';

/** Under which a code, a token or a session of the provider lies in the database. */
export function payloadDigest(model: string, id: string): string {
  return hash('sha256', `${model}:${id}`, 'base64url');
}

/** Grants are revoked across models, so their hash has no model in it. */
export function grantDigest(grantId: string): string {
  return hash('sha256', `grant:${grantId}`, 'base64url');
}

/** What joins a browser's session at the provider, everything issued in it, and its row among the person's sessions. */
export function providerSessionDigest(uid: string): string {
  return hash('sha256', `provider session:${uid}`, 'base64url');
}
