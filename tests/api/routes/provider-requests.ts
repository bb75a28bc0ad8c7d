import type { RouteCaller } from '@hexabase/authz/route-matrix.ts';
import { PlainBrowser } from '../../acceptance/relying-party.ts';
import { signInAt } from '../../attacks/relying-parties.ts';
import type { Sent } from '../../attacks/exchange.ts';
import type { MakeRequest } from './session-requests.ts';
import {
  authorizePath,
  beginInteraction,
  cookiesOf,
  openForm,
  sentForm,
  somebody,
  type World,
} from './world.ts';

const get = (path: string): MakeRequest => {
  return async ({ bearers }, caller) => ({ path, token: bearers[caller] });
};

/** What clients of the OpenID provider call, and the pages that it shows itself. */
export const providerRequests: Readonly<Record<string, MakeRequest>> = {
  '* /oidc/*': get('/oidc/nothing-is-here'),
  'GET /oidc/.well-known/openid-configuration': get('/oidc/.well-known/openid-configuration'),
  'GET /oidc/jwks': get('/oidc/jwks'),
  'GET /oidc/auth': get(authorizePath()),
  'GET /oidc/auth/:uid': async (world, caller) => {
    const { path, cookie } = await beginInteraction(world);
    const theirs = caller === 'another' ? (await beginInteraction(world)).cookie : '';
    return {
      path: path.replace('/interaction/', '/auth/'),
      headers: ['Cookie', caller === 'own' ? cookie : theirs],
      token: world.bearers[caller],
    };
  },
  'POST /oidc/token': async (world, caller) => {
    const { refresh_token: token = '' } = await tokensOf(world);
    return clientForm(world, caller, {
      path: '/oidc/token',
      fields: { grant_type: 'refresh_token', refresh_token: token },
    });
  },
  'GET /oidc/me': async (world, caller) => {
    const ofClient = caller === 'own' || caller === 'another' ? (await tokensOf(world)).access_token : null;
    return { path: '/oidc/me', token: ofClient ?? world.bearers[caller] };
  },
  'POST /oidc/token/introspection': async (world, caller) =>
    clientForm(world, caller, {
      path: '/oidc/token/introspection',
      fields: { token: (await tokensOf(world)).access_token },
    }),
  'POST /oidc/token/revocation': async (world, caller) =>
    clientForm(world, caller, {
      path: '/oidc/token/revocation',
      fields: { token: (await tokensOf(world)).access_token },
    }),
  'POST /oidc/device/auth': async (world, caller) =>
    clientForm(world, caller, { path: '/oidc/device/auth', fields: { scope: 'openid' } }),
  'GET /oidc/device': get('/oidc/device'),
  'POST /oidc/device': async ({ product, bearers }, caller) => {
    const form = await openForm(product, '/oidc/device');
    const fields = { ...form.fields, user_code: 'BBBB-BBBB' };
    return {
      ...sentBy(caller, sentForm(product, '/oidc/device', { ...form, fields })),
      token: bearers[caller],
    };
  },
  'POST /oidc/request': async (world, caller) => {
    const query = authorizePath().split('?')[1] ?? '';
    return clientForm(world, caller, {
      path: '/oidc/request',
      fields: Object.fromEntries(new URLSearchParams(query)),
    });
  },
  'GET /oidc/device/:uid': async (world, caller) => {
    const { path, cookie } = await beginDevice(world);
    const headers = caller === 'own' ? ['Cookie', cookie] : [];
    return { path, headers, token: world.bearers[caller] };
  },
  'GET /oidc/session/end': get('/oidc/session/end'),
  'POST /oidc/session/end/confirm': async ({ product, bearers }, caller) => {
    const form = await openForm(product, '/oidc/session/end');
    const fields = { ...form.fields, logout: 'yes' };
    const sent = sentForm(product, '/oidc/session/end/confirm', { ...form, fields });
    return { ...sentBy(caller, sent), token: bearers[caller] };
  },
  'GET /oidc/session/end/success': get('/oidc/session/end/success'),
};

/** Without the cookies, except in the browser that opened the form; another has a form of its own browser. */
function sentBy(caller: RouteCaller, sent: Sent): Sent {
  if (caller === 'own') return sent;
  const { headers = [], body } = sent;
  if (caller === 'another') return { ...sent, body: String(body).replace(/xsrf=\w{4}/, 'xsrf=0000') };
  return { ...sent, headers: headers.slice(0, headers.indexOf('Cookie')) };
}

/** Somebody has said that the device is theirs, and is asked who they are: where they go on after that. */
async function beginDevice(world: World): Promise<{ path: string; cookie: string }> {
  const { product } = world;
  const fields = { scope: 'openid' };
  const started = await product.send(clientForm(world, 'own', { path: '/oidc/device/auth', fields }));
  const form = await openForm(product, '/oidc/device');
  const typed = { ...form.fields, user_code: String(started.json['user_code']), confirm: 'yes' };
  const answer = await product.send(sentForm(product, '/oidc/device', { ...form, fields: typed }));
  const path = String(answer.headers.location).replace('/interaction/', '/device/');
  return { path, cookie: `${form.cookie}; ${cookiesOf(answer.headers)}` };
}

/** A whole sign-in at our client. */
async function tokensOf(world: World) {
  const { product, clients } = world;
  const { email } = await somebody(world);
  const browser = new PlainBrowser(product.api.url);
  const given = { name: 'own-client', secret: clients['own-client'], email };
  return (await signInAt(product, browser, given)).tokens;
}

/** A client says who it is by its secret (RFC 6749 §2.3.1); bearers are no clients. */
function clientForm(
  { clients, bearers }: World,
  caller: RouteCaller,
  { path, fields }: { path: string; fields: Record<string, string> },
): Sent {
  const form = ['Content-Type', 'application/x-www-form-urlencoded'];
  const sent = { method: 'POST', path, body: new URLSearchParams(fields).toString() };
  if (caller !== 'own' && caller !== 'another') return { ...sent, headers: form, token: bearers[caller] };
  const name = `${caller}-client` as const;
  const basic = Buffer.from(`${name}:${clients[name]}`).toString('base64');
  return { ...sent, headers: [...form, 'Authorization', `Basic ${basic}`] };
}
