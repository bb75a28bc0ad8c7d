import { AppError } from '@hexabase/kernel/errors.ts';
import { hostName } from '@hexabase/kernel/host-name.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { browserOrigin, isPublicOrigin } from './auth/browser-origin.ts';

const headers = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
} as const;

/** A year. Without subdomains: those are not ours to decide about. */
const strictTransport = 'max-age=31536000';

/**
 * Headers of every answer; pages replace the content security policy by their own. Under a public address browsers are
 * told to come by https only, and never on this machine: they would hold http://localhost to it too, whatever its port.
 */
export function setSecurityHeaders(
  request: FastifyRequest,
  reply: FastifyReply,
  issuer: URL | undefined,
): void {
  reply.headers(headers);
  if (issuer !== undefined && isPublicOrigin(request, issuer))
    reply.header('strict-transport-security', strictTransport);
}

/** Throws `unknown_host`: a page of another name that resolves to us must not drive us (DNS rebinding). */
export function requireKnownHost(host: string | undefined, allowedHosts: ReadonlySet<string>): void {
  if (host !== undefined && allowedHosts.has(hostName(host))) return;
  throw new AppError('unknown_host');
}

const reading = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Throws `forbidden` for a request that changes something and comes from a page that is not ours; programs send no
 * `Origin`. The OpenID provider judges its own: pages of registered clients may fetch tokens.
 */
export function requireOwnPage(request: FastifyRequest, issuer: URL | undefined): void {
  if (reading.includes(request.method) || request.url.startsWith('/oidc/')) return;
  const { origin, 'sec-fetch-site': site } = request.headers;
  if (site !== 'cross-site' && (origin === undefined || origin === ownOrigin(request, issuer))) return;
  throw new AppError('forbidden', { message: 'Pages of other sites cannot do this.' });
}

function ownOrigin(request: FastifyRequest, issuer: URL | undefined): string {
  return issuer === undefined ? `${request.protocol}://${request.host}` : browserOrigin(request, issuer);
}
