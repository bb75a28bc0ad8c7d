import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { mayNotify, type ClientRules } from '../../clients/client.ts';
import type { KeyRing } from '../../keys/key-ring.ts';
import type { LogoutNotice } from './notice-store.ts';

const sendMsMax = 5_000;
const tokenSeconds = 120;
const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout';

export interface NoticeSender extends ClientRules {
  keys: Pick<KeyRing, 'signer'>;
  issuer: string;
}

/** Tells one client (OpenID Connect Back-Channel Logout 1.0 §2.4, §2.5). Throws when it does not answer 200 or 204. */
export async function sendNotice(
  sender: NoticeSender,
  notice: Pick<LogoutNotice, 'clientId' | 'userId' | 'sid' | 'uri'>,
  nowMs: number,
): Promise<void> {
  const { kid, privateKey } = sender.keys.signer();
  const nowSeconds = Math.floor(nowMs / 1000);
  const token = await new SignJWT({ events: { [logoutEvent]: {} }, sid: notice.sid })
    .setProtectedHeader({ alg: 'RS256', typ: 'logout+jwt', kid })
    .setIssuer(sender.issuer)
    .setSubject(notice.userId)
    .setAudience(notice.clientId)
    .setIssuedAt(nowSeconds)
    .setExpirationTime(nowSeconds + tokenSeconds)
    .setJti(randomUUID())
    .sign(privateKey);
  const response = await postSafely(sender, notice.uri, {
    body: new URLSearchParams({ logout_token: token }),
  });
  await response.body?.cancel();
  if (response.status !== 200 && response.status !== 204)
    throw new Error(`the client answered ${response.status}`);
}

/**
 * The only way in which the provider calls out: to https, or on a trial to this machine; no redirect is followed, and
 * nobody is waited for long. Throws before anything is sent elsewhere.
 */
export async function postSafely(rules: ClientRules, uri: string, init: RequestInit): Promise<Response> {
  if (!mayNotify(uri, rules)) throw new Error('the address is neither https nor allowed on this machine');
  return fetch(uri, {
    method: 'POST',
    ...(init.headers !== undefined && { headers: init.headers }),
    ...(init.body !== undefined && { body: init.body }),
    redirect: 'manual',
    signal: AbortSignal.timeout(sendMsMax),
  });
}
