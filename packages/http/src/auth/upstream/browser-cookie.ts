import type { FastifyReply, FastifyRequest } from 'fastify';
import { randomBytes } from 'node:crypto';

const secretPattern = /^[\w-]{43}$/;
const lifetimeSeconds = 3_600;

/** The secret that tells this browser from others while it is away at a provider; null when it has none. */
export function browserOf(request: FastifyRequest, origin: string): string | null {
  const name = `${cookieName(origin)}=`;
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  const secret = pairs.find((pair) => pair.startsWith(name))?.slice(name.length);
  return secret !== undefined && secretPattern.test(secret) ? secret : null;
}

/** Gives the browser its secret. Lax: it must come along when a provider sends the browser back. */
export function markBrowser(request: FastifyRequest, reply: FastifyReply, origin: string): string {
  const secret = browserOf(request, origin) ?? randomBytes(32).toString('base64url');
  const secure = origin.startsWith('https:') ? '; Secure' : '';
  const cookie = `${cookieName(origin)}=${secret}; Path=/; Max-Age=${lifetimeSeconds}; HttpOnly; SameSite=Lax${secure}`;
  reply.header('set-cookie', cookie);
  return secret;
}

function cookieName(origin: string): string {
  return origin.startsWith('https:') ? '__Host-hks-browser' : 'hks-browser';
}
