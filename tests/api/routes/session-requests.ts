import type { RouteCaller } from '@hexabase/authz/route-matrix.ts';
import { brandId } from '@hexabase/kernel/id.ts';
import { appCode } from '@hexabase/testkit/authenticator-app.ts';
import { password } from '../../attacks/relying-parties.ts';
import type { Sent } from '../../attacks/exchange.ts';
import { forgetCode } from '../../attacks/things.ts';
import { codeChallenge, codeVerifier, somebody, type World } from './world.ts';

/** What a caller sends to a route. */
export type MakeRequest = (world: World, caller: RouteCaller) => Promise<Sent>;

const read = (path: string): MakeRequest => {
  return async ({ bearers }, caller) => ({ path, token: bearers[caller] });
};

const readings = [
  '/',
  '/docs',
  '/openapi.json',
  '/health',
  '/ready',
  '/metrics',
  '/api/v1/events/stream',
  '/auth/me',
  '/api/v1/auth/validate',
  '/api/v1/auth/sessions',
];

/** Reading, and what people and programs do with their own sessions and tokens. */
export const sessionRequests: Readonly<Record<string, MakeRequest>> = {
  ...Object.fromEntries(readings.map((path) => [`GET ${path}`, read(path)])),
  'DELETE /api/v1/auth/sessions/:id': async (world, caller) => {
    const { product, own, bearers } = world;
    const ending = await product.signIn(own);
    const [row] = await product.query(
      'select id from sessions where user_id = $1 and ended_at is null order by id desc limit 1',
      [ending.userId],
    );
    return { method: 'DELETE', path: `/api/v1/auth/sessions/${row?.['id']}`, token: bearers[caller] };
  },
  'POST /auth/password': async (world, caller) => {
    const person = await somebody(world);
    const session = await world.product.signIn(person);
    // With whose password, too, another is signed in.
    const token = caller === 'own' ? session.access : world.bearers[caller];
    const body = { current_password: password, new_password: 'another horse, another battery' };
    return { method: 'POST', path: '/auth/password', token, body };
  },
  'POST /auth/login': async (world, caller) => {
    const { email } = await somebody(world);
    return { method: 'POST', path: '/auth/login', token: world.bearers[caller], body: { email, password } };
  },
  'POST /auth/second-factor': secondStep,
  'POST /auth/refresh': async (world, caller) => {
    const body = caller === 'anonymous' ? {} : await refreshBody(world, caller);
    return { method: 'POST', path: '/auth/refresh', body };
  },
  'POST /auth/logout': async (world, caller) => {
    const fresh = caller === 'own' || caller === 'another';
    const session = fresh ? await world.product.signIn(await somebody(world)) : null;
    return {
      method: 'POST',
      path: '/auth/logout',
      token: session?.access ?? world.bearers[caller],
      body: {},
    };
  },
  'POST /auth/device': async ({ bearers }, caller) => ({
    method: 'POST',
    path: '/auth/device',
    token: bearers[caller],
    body: { client_id: 'hks' },
  }),
  'POST /auth/token': redeem,
};

async function refreshBody(world: World, caller: RouteCaller): Promise<Record<string, string>> {
  const { product } = world;
  if (caller === 'api-token') return { refresh_token: String(world.bearers['api-token']) };
  const { userId } = await somebody(world);
  const device = { userAgent: null, address: '127.0.0.1', deviceId: 'telephone' };
  const { refreshToken } = await product.product.identity.startSession(brandId(userId), device);
  const of = 'session_id in (select id from sessions where user_id = $1)';
  if (caller === 'expired')
    await product.query(`update refresh_tokens set expires_at = now() where ${of}`, [userId]);
  if (caller === 'ended') await product.product.identity.signOut(refreshToken);
  return { refresh_token: refreshToken, device_id: caller === 'another' ? 'another' : 'telephone' };
}

async function secondStep(world: World, caller: RouteCaller): Promise<Sent> {
  const sent = (body: object): Sent => ({
    method: 'POST',
    path: '/auth/second-factor',
    token: world.bearers[caller],
    body,
  });
  const { product } = world;
  if (caller === 'anonymous') return sent({});
  const { ticket, secret } = await begunTwice(world);
  if (caller === 'api-token') return sent({ ticket: world.bearers['api-token'], code: appCode(secret) });
  if (caller === 'another') return sent({ ticket, code: appCode((await begunTwice(world)).secret) });
  if (caller === 'expired') await product.query('update factor_tickets set expires_at = now()');
  if (caller === 'ended') {
    await product.send(sent({ ticket, code: appCode(secret) }));
    await product.query('update second_factors set last_step = 0');
  }
  return sent({ ticket, code: appCode(secret) });
}

/** Somebody with an authenticator app, between the steps of a sign-in. */
async function begunTwice(world: World): Promise<{ ticket: string; secret: string }> {
  const { product } = world;
  const person = await somebody(world);
  const session = await product.signIn(person);
  const made = (await session.call('POST', '/api/v1/second-factors/totp', {})).json['data'];
  const confirm = `/api/v1/second-factors/${made.id}/confirm`;
  await session.call('POST', confirm, { code: appCode(made.secret) });
  await forgetCode(product, person);
  const body = { email: person.email, password };
  const refused = await product.send({ method: 'POST', path: '/auth/login', body });
  return { ticket: refused.json['error'].details.ticket, secret: made.secret };
}

async function redeem(world: World, caller: RouteCaller): Promise<Sent> {
  const { product } = world;
  const redirectUri = 'http://127.0.0.1:1/callback';
  const { userId } = await somebody(world);
  const binding = {
    clientId: 'hks',
    redirectUri,
    codeChallenge,
    secondFactor: false,
    proof: 0,
    address: '127.0.0.1',
  };
  const code = await product.product.identity.browser.authorize({ ...binding, userId: brandId(userId) });
  const given = {
    grant_type: 'authorization_code',
    client_id: 'hks',
    redirect_uri: redirectUri,
    code: caller === 'api-token' ? String(world.bearers['api-token']) : code,
    code_verifier: caller === 'another' ? codeVerifier.toLowerCase() : codeVerifier,
  };
  const body = caller === 'anonymous' ? {} : given;
  const sent = { method: 'POST', path: '/auth/token', token: world.bearers[caller], body };
  if (caller === 'expired')
    await product.query('update sign_in_codes set expires_at = now() where user_id = $1', [userId]);
  if (caller === 'ended') await product.send(sent);
  return sent;
}
