import { AppError } from '@hexabase/kernel/errors.ts';
import { hostName } from '@hexabase/kernel/host-name.ts';
import type { FastifyReply } from 'fastify';

const headers = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
} as const;

/** Headers of every answer; pages replace the content security policy by their own. */
export function setSecurityHeaders(reply: FastifyReply): void {
  reply.headers(headers);
}

/** Throws `unknown_host`: a page of another name that resolves to us must not drive us (DNS rebinding). */
export function requireKnownHost(host: string | undefined, allowedHosts: ReadonlySet<string>): void {
  if (host !== undefined && allowedHosts.has(hostName(host))) return;
  throw new AppError('unknown_host');
}
