import type { FastifyRequest } from 'fastify';

const loopbackNames = ['localhost', '127.0.0.1', '[::1]'];

/**
 * The origin under which a browser sees this server. A public address is https, whatever a proxy in front of us speaks
 * to us; on this machine it is the listener that was asked, so that http stays http and nobody meets a certificate
 * warning. The Host header has been held against the known names before.
 */
export function browserOrigin(request: FastifyRequest, issuer: string): string {
  if (isPublicOrigin(request, issuer)) return new URL(issuer).origin;
  return new URL(`${request.protocol}://${request.host}`).origin;
}

/** Whether the browser came by the public address. */
export function isPublicOrigin(request: FastifyRequest, issuer: string): boolean {
  const { hostname } = new URL(issuer);
  return !loopbackNames.includes(hostname) && request.hostname.toLowerCase() === hostname;
}
