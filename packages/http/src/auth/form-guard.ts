import { AppError } from '@hexabase/kernel/errors.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readCookie, setCookie } from './cookies/own-cookie.ts';

const cookie = {
  name: 'hks-form',
  pattern: /^[\w-]{43}$/,
  lifetimeSeconds: 3_600,
  sameSite: 'Strict',
} as const;

/**
 * Ties a form to the browser that opened it: a cookie that scripts and other sites never see, and its hash in the form.
 * Answers the token for the form.
 */
export function openForm(request: FastifyRequest, reply: FastifyReply, origin: string): string {
  const nonce = readCookie(request, origin, cookie) ?? randomBytes(32).toString('base64url');
  setCookie(reply, origin, { ...cookie, value: nonce });
  // `no-referrer` would make browsers send `Origin: null` with our own forms.
  void reply.header('referrer-policy', 'same-origin');
  return tokenOf(nonce);
}

/** Throws AppError `forbidden` for a form that another site sent, or that was opened in another browser. */
export function requireOwnForm(request: FastifyRequest, origin: string, token: string): void {
  const { origin: from, 'sec-fetch-site': site } = request.headers;
  const foreign = (from !== undefined && from !== origin) || (site !== undefined && site !== 'same-origin');
  const nonce = readCookie(request, origin, cookie);
  if (foreign || nonce === null || !same(tokenOf(nonce), token)) {
    throw new AppError('forbidden', {
      message: 'This form was not opened in this browser, or too long ago. Open the page again.',
    });
  }
}

function tokenOf(nonce: string): string {
  return hash('sha256', `form:${nonce}`, 'base64url');
}

function same(expected: string, actual: string): boolean {
  return expected.length === actual.length && timingSafeEqual(Buffer.from(expected), Buffer.from(actual));
}
