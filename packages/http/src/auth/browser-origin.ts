import type { FastifyRequest } from 'fastify';

const loopbackNames = ['localhost', '127.0.0.1', '[::1]'];

/**
 * The origin under which a browser sees this server. A public address is https, whatever a proxy in front of us speaks
 * to us; on this machine it is the listener that was asked, so that http stays http and nobody meets a certificate
 * warning. The Host header has been held against the known names before.
 */
export function browserOrigin(request: FastifyRequest, issuer: string | URL): string {
  const site = typeof issuer === 'string' ? new URL(issuer) : issuer;
  if (isPublicOrigin(request, site)) return site.origin;
  return new URL(`${request.protocol}://${request.host}`).origin;
}

/** Whether the browser came by the public address. */
export function isPublicOrigin(request: FastifyRequest, { hostname }: URL): boolean {
  return !loopbackNames.includes(hostname) && request.hostname.toLowerCase() === hostname;
}
