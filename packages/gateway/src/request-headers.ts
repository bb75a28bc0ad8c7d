import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Refusal, unauthorized } from './refusal.ts';

const bearerHeader = /^Bearer +([\w.~+/=-]+) *$/i;
const identityHeader = /^(?:impersonate|x-remote)-/;
/** Set by proxies, and here by nobody whom we trust; cookies belong to the console. */
const droppedHeader = /^(?:cookie|forwarded|x-forwarded-.*|x-real-ip|x-original-.*|x-rewrite-url|proxy-.*)$/;

/**
 * The one bearer token of a request. Two `Authorization` headers, other schemes and tokens hidden in a WebSocket
 * subprotocol are refused: the cluster could act on another one than we checked. Throws `Refusal` 401.
 */
export function onlyBearerToken(rawHeaders: readonly string[]): string {
  let found: string | null = null;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = canonicalName(rawHeaders[index]);
    const value = rawHeaders[index + 1] ?? '';
    if (name === 'authorization') {
      if (found !== null) throw unauthorized();
      found = value;
    } else if (name === 'sec-websocket-protocol' && value.includes('bearer.authorization')) {
      throw unauthorized();
    }
  }
  const token = found === null ? undefined : bearerHeader.exec(found)?.[1];
  if (token === undefined) throw unauthorized();
  return token;
}

/** The name that was asked for. Two are refused: another server may go by the other one (RFC 9112 §3.2). Throws `Refusal` 400. */
export function requireOneHost(rawHeaders: readonly string[]): string | undefined {
  let host: string | undefined;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (name.length !== 4 || name.toLowerCase() !== 'host') continue;
    if (host !== undefined)
      throw new Refusal(400, 'BadRequest', { message: 'a request has one Host header' });
    host = rawHeaders[index + 1];
  }
  return host;
}

/**
 * Refuses headers that would make the request somebody else's. Dropping them instead would run `kubectl --as=viewer
 * delete` as the caller. `Connection: Impersonate-User` is refused as well: it asks a proxy to remove what we checked.
 * Throws `Refusal` 403.
 */
export function refuseForeignIdentity(rawHeaders: readonly string[]): void {
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = canonicalName(rawHeaders[index]);
    if (identityHeader.test(name)) throw impersonation();
    if (name !== 'connection') continue;
    for (const listed of (rawHeaders[index + 1] ?? '').split(',')) {
      const option = canonicalName(listed.trim());
      if (identityHeader.test(option) || option === 'authorization') throw impersonation();
    }
  }
}

/** Removes what must not reach a cluster; changes the given headers. */
export function dropUntrustedHeaders(headers: IncomingHttpHeaders): void {
  for (const name in headers) {
    if (droppedHeader.test(name)) delete headers[name];
  }
}

/** Nothing comes after its headers. */
export function isBodiless({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0;
}

/** Some servers read `impersonate_user` as `Impersonate-User`. */
function canonicalName(name: string | undefined): string {
  const lower = (name ?? '').toLowerCase();
  return lower.includes('_') ? lower.replaceAll('_', '-') : lower;
}

function impersonation(): Refusal {
  return new Refusal(403, 'Forbidden', { message: 'Impersonation headers are not accepted here.' });
}
