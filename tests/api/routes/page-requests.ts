import type { RouteCaller } from '@hexabase/authz/route-matrix.ts';
import { brandId } from '@hexabase/kernel/id.ts';
import { insertCode } from '@hexabase/oidc/letters/code-store.ts';
import { password } from '../../attacks/relying-parties.ts';
import type { Sent } from '../../attacks/exchange.ts';
import type { MakeRequest } from './session-requests.ts';
import {
  beginInteraction,
  codeChallenge,
  cookiesOf,
  openForm,
  sentForm,
  somebody,
  type World,
} from './world.ts';

const authorizePage = `/auth/authorize?${new URLSearchParams({
  client_id: 'hks',
  redirect_uri: 'http://127.0.0.1:1/callback',
  response_type: 'code',
  code_challenge: codeChallenge,
  code_challenge_method: 'S256',
})}`;

const page = (path: string): MakeRequest => {
  return async ({ bearers }, caller) => ({ path, token: bearers[caller] });
};

/** Pages that people open in a browser, and the forms on them. */
export const pageRequests: Readonly<Record<string, MakeRequest>> = {
  'GET /auth/authorize': page(authorizePage),
  'POST /auth/authorize': async (world, caller) => {
    const typed = { email: (await somebody(world)).email, password };
    return formOf(world, caller, { page: authorizePage, typed });
  },
  'GET /device': page('/device'),
  'POST /device': async (world, caller) =>
    formOf(world, caller, { page: '/device', typed: { user_code: await waitingCode(world) } }),
  'POST /device/decision': async (world, caller) => {
    const { email } = await somebody(world);
    const typed = { user_code: await waitingCode(world), email, password };
    return formOf(world, caller, { page: '/device', to: '/device/decision', typed });
  },
  'GET /auth/passkey': async (world, caller) => {
    const path = `/auth/passkey?code=${await registration(world, caller)}`;
    if (caller === 'another') await openForm(world.product, path);
    return { path, token: world.bearers[caller] };
  },
  'POST /auth/passkey': async (world, caller) => {
    const code = await registration(world, 'own');
    const from = { page: `/auth/passkey?code=${code}`, to: '/auth/passkey' };
    return formOf(world, caller, { ...from, typed: { code, passkey: '{}' } });
  },
  'GET /auth/reset': page('/auth/reset'),
  'POST /auth/reset': letterForm('/auth/reset'),
  'GET /auth/sign-up': page('/auth/sign-up'),
  'POST /auth/sign-up': letterForm('/auth/sign-up'),
  'GET /auth/finish': async (world, caller) => ({
    path: `/auth/finish?code=${await letterCode(world, caller)}`,
    token: world.bearers[caller],
  }),
  'POST /auth/finish': async (world, caller) => {
    const code = await letterCode(world, 'own');
    const typed = { code, password: 'another horse, another battery' };
    return formOf(world, caller, { page: `/auth/finish?code=${code}`, to: '/auth/finish', typed });
  },
  'GET /auth/idp/:name': page(`/auth/idp/hub?return_to=${encodeURIComponent(authorizePage)}`),
  'GET /auth/idp/:name/callback': fromElsewhere,
  'GET /oidc/interaction/:uid': async (world, caller) => {
    const { path, cookie } = await beginInteraction(world);
    const other = caller === 'another' ? (await beginInteraction(world)).cookie : '';
    const headers = ['Cookie', caller === 'own' ? cookie : other];
    return { path, headers, token: world.bearers[caller] };
  },
  'POST /oidc/interaction/:uid': async (world, caller) => {
    const { path, cookie } = await beginInteraction(world);
    const typed = { email: (await somebody(world)).email, password };
    return formOf(world, caller, { page: path, carried: cookie, typed });
  },
};

interface FormPage {
  page: string;
  /** Where it is sent, if not to the page itself. */
  to?: string;
  typed: Record<string, string>;
  carried?: string;
}

/** Only the browser that opened the page has both its cookie and what the form holds. */
async function formOf(
  { product, bearers }: World,
  caller: RouteCaller,
  { page: from, to = from, typed, carried = '' }: FormPage,
): Promise<Sent> {
  const { cookie, fields } = await openForm(product, from, carried);
  const mine = { fields: { ...fields, ...typed }, cookie };
  // A page that another site has made the browser send, with the form of the attacker's own browser.
  const theirs = { fields: { ...mine.fields, form_token: 'x'.repeat(43) }, cookie };
  const bare = { fields: typed, cookie: '' };
  const sent = sentForm(product, to, caller === 'own' ? mine : caller === 'another' ? theirs : bare);
  return { ...sent, token: bearers[caller] };
}

function letterForm(path: string): MakeRequest {
  return async (world, caller) =>
    formOf(world, caller, { page: path, typed: { email: (await somebody(world)).email } });
}

async function waitingCode({ product }: World): Promise<string> {
  const body = { client_id: 'hks' };
  return String((await product.send({ method: 'POST', path: '/auth/device', body })).json['user_code']);
}

/** What the address of a page holds with which a passkey is added. */
async function registration({ product, bearers }: World, caller: RouteCaller): Promise<string> {
  if (caller === 'anonymous') return '';
  if (caller === 'api-token') return String(bearers['api-token']);
  const person = await product.person(`passkey-${crypto.randomUUID()}`);
  const { data } = (await person.call('POST', '/api/v1/second-factors/passkeys', {})).json;
  const code = new URL(String(data.url)).searchParams.get('code') ?? '';
  const of = `kind = 'register' and user_id = $1`;
  if (caller === 'expired')
    await product.query(`update factor_tickets set expires_at = now() where ${of}`, [person.userId]);
  if (caller === 'ended') await product.query(`delete from factor_tickets where ${of}`, [person.userId]);
  return code;
}

async function letterCode(world: World, caller: RouteCaller): Promise<string> {
  const { product, bearers } = world;
  if (caller === 'anonymous') return '';
  if (caller === 'api-token') return String(bearers['api-token']);
  // A code is in one letter to one person; nobody has another's.
  if (caller === 'another') return `hksl_${'x'.repeat(43)}`;
  const { userId, email } = await somebody(world);
  const given = { kind: 'reset', email, userId: brandId<'User'>(userId) } as const;
  const { database, clock } = product.product;
  const code = await database.asIdentity((tx) => insertCode(tx, given, clock.now()));
  if (caller === 'expired') await product.query('update letter_codes set expires_at = now()');
  if (caller === 'ended')
    await product.product.identity.checkPassword({ email, password, device }).then(spend);
  return code;

  async function spend(): Promise<void> {
    const form = await openForm(product, `/auth/finish?code=${code}`);
    const fields = { ...form.fields, password: 'another horse, another battery' };
    await product.send(sentForm(product, '/auth/finish', { fields, cookie: form.cookie }));
  }
}

const device = { userAgent: null, address: '127.0.0.1', deviceId: null };

/** The answer of an identity provider that somebody has refused at. */
async function fromElsewhere({ product, bearers }: World, caller: RouteCaller): Promise<Sent> {
  const begun = await product.send({
    path: `/auth/idp/hub?return_to=${encodeURIComponent(authorizePage)}`,
  });
  const state = new URL(String(begun.headers.location)).searchParams.get('state') ?? '';
  const again = await product.send({
    path: `/auth/idp/hub?return_to=${encodeURIComponent(authorizePage)}`,
  });
  const cookie = caller === 'own' ? begun : caller === 'another' ? again : { headers: {} };
  return {
    path: `/auth/idp/hub/callback?${new URLSearchParams({ state, error: 'access_denied' })}`,
    headers: ['Cookie', cookiesOf(cookie.headers)],
    token: bearers[caller],
  };
}
