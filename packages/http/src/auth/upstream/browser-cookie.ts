import type { FastifyReply, FastifyRequest } from 'fastify';
import { randomBytes } from 'node:crypto';
import { readCookie, setCookie } from '../cookies/own-cookie.ts';

/** Lax: it must come along when a provider sends the browser back. */
const cookie = {
  name: 'hks-browser',
  pattern: /^[\w-]{43}$/,
  lifetimeSeconds: 3_600,
  sameSite: 'Lax',
} as const;

/** The secret that tells this browser from others while it is away at a provider; null when it has none. */
export function browserOf(request: FastifyRequest, origin: string): string | null {
  return readCookie(request, origin, cookie);
}

/** Gives the browser its secret. */
export function markBrowser(request: FastifyRequest, reply: FastifyReply, origin: string): string {
  const secret = browserOf(request, origin) ?? randomBytes(32).toString('base64url');
  setCookie(reply, origin, { ...cookie, value: secret });
  return secret;
}
