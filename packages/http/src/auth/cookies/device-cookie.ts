import type { UserId } from '@hexabase/kernel/id.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AuthIdentity } from '../auth-port.ts';
import { browserOrigin } from '../browser-origin.ts';
import { readCookie, setCookie } from './own-cookie.ts';

/** Strict: it comes along with forms and programs of ours, and no other site can bring it into play. */
const cookie = {
  name: 'hks-device',
  pattern: /^[\w.-]{1,512}$/,
  lifetimeSeconds: 180 * 86_400,
  sameSite: 'Strict',
} as const;

/** What this browser or program was given when somebody signed in there before; it signs nobody in. */
export function knownDeviceOf(
  request: FastifyRequest,
  { issuer }: Pick<AuthIdentity, 'issuer'>,
): string | null {
  return readCookie(request, browserOrigin(request, issuer), cookie);
}

/** Lets the browser or program be known from now on: somebody has just proven there who they are. */
export async function keepDevice(
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
  identity: Pick<AuthIdentity, 'issuer' | 'rememberDevice'>,
  userId: UserId,
): Promise<void> {
  const origin = browserOrigin(request, identity.issuer);
  const value = await identity.rememberDevice(userId);
  if (value !== null) setCookie(reply, origin, { ...cookie, value });
}
