import { AppError } from '@hexabase/kernel/errors.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

const noncePattern = /^[\w-]{43}$/;
const lifetimeSeconds = 3_600;

/**
 * Ties a form to the browser that opened it: a cookie that scripts and other sites never see, and its hash in the form.
 * `__Host-` and Secure on https; without both on http, where some browsers refuse them even on this machine.
 * Answers the token for the form.
 */
export function openForm(request: FastifyRequest, reply: FastifyReply, origin: string): string {
  const nonce = nonceOf(request, origin) ?? randomBytes(32).toString('base64url');
  const secure = origin.startsWith('https:') ? '; Secure' : '';
  const cookie = `${cookieName(origin)}=${nonce}; Path=/; Max-Age=${lifetimeSeconds}; HttpOnly; SameSite=Strict${secure}`;
  // `no-referrer` would make browsers send `Origin: null` with our own forms.
  reply.header('set-cookie', cookie).header('referrer-policy', 'same-origin');
  return tokenOf(nonce);
}

/** Throws AppError `forbidden` for a form that another site sent, or that was opened in another browser. */
export function requireOwnForm(request: FastifyRequest, origin: string, token: string): void {
  const { origin: from, 'sec-fetch-site': site } = request.headers;
  const foreign = (from !== undefined && from !== origin) || (site !== undefined && site !== 'same-origin');
  const nonce = nonceOf(request, origin);
  if (foreign || nonce === null || !same(tokenOf(nonce), token)) {
    throw new AppError('forbidden', {
      message: 'This form was not opened in this browser, or too long ago. Open the page again.',
    });
  }
}

function nonceOf(request: FastifyRequest, origin: string): string | null {
  const name = `${cookieName(origin)}=`;
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  const nonce = pairs.find((pair) => pair.startsWith(name))?.slice(name.length);
  return nonce !== undefined && noncePattern.test(nonce) ? nonce : null;
}

function cookieName(origin: string): string {
  return origin.startsWith('https:') ? '__Host-hks-form' : 'hks-form';
}

function tokenOf(nonce: string): string {
  return hash('sha256', `form:${nonce}`, 'base64url');
}

function same(expected: string, actual: string): boolean {
  return expected.length === actual.length && timingSafeEqual(Buffer.from(expected), Buffer.from(actual));
}
