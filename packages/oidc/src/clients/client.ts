import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { AppError } from '@hexabase/kernel/errors.ts';
import { apiAudience } from '../tokens/claims.ts';
import { blockedPortOf } from './blocked-ports.ts';

/** A program of others that may ask people to sign in here. Its name is its `client_id`. */
export interface Client {
  id: string;
  /** Null for a public client: one that can keep no secret and proves itself by PKCE alone. */
  secretHash: string | null;
  redirectUris: readonly string[];
  postLogoutRedirectUris: readonly string[];
  backchannelLogoutUri: string | null;
  createdAt: Date;
}

export interface ClientRules {
  /** On a trial, which only this machine reaches, clients may hear of logouts on this machine without TLS. */
  loopbackNotices: boolean;
}

const idPattern = /^[a-z0-9][a-z0-9-]{0,62}$/;
const loopbackNames = ['localhost', '127.0.0.1', '[::1]'];
const loopbackAddresses = ['127.0.0.1', '[::1]'];
const schemePattern = /^[a-z][a-z0-9-]*(\.[a-z0-9-]+)+:$/;
const urisMax = 20;

/**
 * Judges what an operator registers. Throws AppError `validation_failed`: the id is the audience of ID tokens, so it must
 * never be one of ours; every address is https, or on this machine, or (public clients) of a scheme like `com.example.app:`, and
 * at a port to which somebody connects.
 */
export function checkClient(client: Omit<Client, 'createdAt'>, rules: ClientRules): void {
  const { id, redirectUris, postLogoutRedirectUris, backchannelLogoutUri } = client;
  if (!idPattern.test(id)) throw refused('name', 'takes lower-case letters, digits and dashes');
  if (id === apiAudience || id.startsWith('hexabase') || id.startsWith('hks'))
    throw refused('name', 'is kept for Hexabase itself');
  if (redirectUris.length === 0) throw refused('redirect-uri', 'is missing');
  if (redirectUris.length + postLogoutRedirectUris.length > urisMax)
    throw refused('redirect-uri', `there are more than ${urisMax} addresses`);
  for (const uri of redirectUris) checkReturn('redirect-uri', uri, client);
  for (const uri of postLogoutRedirectUris) checkReturn('post-logout-redirect-uri', uri, client);
  if (backchannelLogoutUri === null) return;
  if (!mayNotify(backchannelLogoutUri, rules))
    throw refused('backchannel-logout-uri', 'must be an https address');
  checkPort('backchannel-logout-uri', new URL(backchannelLogoutUri));
}

/** Whether the server may send a logout notice there: https, or this machine on a trial. */
export function mayNotify(uri: string, { loopbackNotices }: ClientRules): boolean {
  const url = URL.parse(uri);
  if (url === null || url.username !== '' || url.password !== '' || url.hash !== '') return false;
  if (url.protocol === 'https:') return true;
  return loopbackNotices && url.protocol === 'http:' && loopbackNames.includes(url.hostname);
}

/** A public client on people's machines: it listens on a loopback address, or owns a scheme. */
export function isNative({ secretHash, redirectUris }: Pick<Client, 'secretHash' | 'redirectUris'>): boolean {
  return secretHash === null && redirectUris.every((uri) => !uri.startsWith('https:'));
}

/**
 * Exact comparison, character by character (RFC 9700 §2.1); for native clients the port of a loopback address may vary
 * (RFC 8252 §7.3). `localhost` is a name and no address: its port may not.
 */
export function isSameReturn(registered: string, presented: string, native: boolean): boolean {
  if (registered === presented) return true;
  if (!native) return false;
  const [left, right] = [loopbackWithoutPort(registered), loopbackWithoutPort(presented)];
  return left !== null && left === right;
}

/** 256 random bits, so a plain hash is enough: nothing can be guessed from it. */
export function newClientSecret(): { secret: string; secretHash: string } {
  const secret = `hkso_${randomBytes(32).toString('base64url')}`;
  return { secret, secretHash: clientSecretHash(secret) };
}

/** Compares in constant time. */
export function isClientSecret(secretHash: string, presented: string): boolean {
  const [expected, actual] = [Buffer.from(secretHash), Buffer.from(clientSecretHash(presented))];
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

function clientSecretHash(secret: string): string {
  return hash('sha256', `client secret:${secret}`, 'base64url');
}

function checkReturn(field: string, uri: string, client: Pick<Client, 'secretHash'>): void {
  const url = URL.parse(uri);
  if (url === null || /[\s*\\]/.test(uri) || uri.includes('#') || url.username !== '' || url.password !== '')
    throw refused(field, 'must be a whole address without wildcard, user or fragment');
  if (url.protocol === 'https:') return checkPort(field, url);
  if (url.protocol === 'http:' && loopbackNames.includes(url.hostname)) return checkPort(field, url);
  if (client.secretHash === null && schemePattern.test(url.protocol)) return;
  throw refused(field, 'must be https, or http on this machine');
}

/** Nobody would notice before the first logout that is not told, or the first browser that does not come back. */
function checkPort(field: string, url: URL): void {
  const port = blockedPortOf(url);
  if (port !== null)
    throw refused(field, `uses port ${port}, to which no browser and no server connects: choose another`);
}

/** The address without its port, by text alone: what a parser would mend must not become equal. */
function loopbackWithoutPort(uri: string): string | null {
  const [, host, rest] = /^http:\/\/(127\.0\.0\.1|\[::1\])(?::\d{1,5})?(\/[^\s\\@]*)?$/.exec(uri) ?? [];
  return host !== undefined && loopbackAddresses.includes(host) ? `${host}${rest ?? ''}` : null;
}

function refused(path: string, message: string): AppError {
  return new AppError('validation_failed', { details: { fields: [{ path, message }] } });
}
