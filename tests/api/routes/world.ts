import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RouteCaller } from '@hexabase/authz/route-matrix.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { signToken } from '@hexabase/oidc/tokens/sign.ts';
import { addClient, addPerson, callback } from '../../attacks/relying-parties.ts';
import { startProduct, type Attacked, type Person, type Tenant } from '../../attacks/start-product.ts';
import type { Sent } from '../../attacks/exchange.ts';

/** A started product with somebody who is signed in, and everything that routes are asked with. */
export interface World extends AsyncDisposable {
  product: Attacked;
  own: Tenant;
  another: Tenant;
  bearers: Readonly<Record<RouteCaller, string | undefined>>;
  /** Secrets of two clients of the OpenID provider, by their names. */
  clients: Readonly<Record<'own-client' | 'another-client', string>>;
}

const ttlSeconds = 900;

export async function openWorld(): Promise<World> {
  await using opened = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'hks-routes-'));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const providers = [{ name: 'hub', kind: 'github', clientId: 'x', clientSecret: 'y' }];
  const identityProviders = join(folder, 'providers.yaml');
  await writeFile(identityProviders, JSON.stringify({ providers }));
  const product = opened.use(await startProduct(undefined, { identityProviders, signUp: 'on' }));
  const own = await product.tenant('own');
  const another = await product.tenant('another');
  const clients = {
    'own-client': await addClient(product, 'own-client'),
    'another-client': await addClient(product, 'another-client'),
  };
  const bearers = {
    anonymous: undefined,
    own: own.access,
    another: another.access,
    'api-token': await apiTokenOf(own),
    expired: await longAfter(product, own.access),
    ended: await endedOf(product, own),
  };
  const resources = opened.move();
  return {
    product,
    own,
    another,
    clients,
    bearers,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

async function apiTokenOf(person: Person): Promise<string> {
  const body = { name: 'routes', scope: 'write', expires: '1d' };
  return String((await person.call('POST', '/api/v1/tokens', body)).json['data'].token);
}

/** A token of ours as it would be long after. */
export async function longAfter({ product }: Attacked, token: string): Promise<string> {
  const [header = '', body = ''] = token.split('.');
  const { typ: headerType } = JSON.parse(Buffer.from(header, 'base64url').toString());
  const {
    iss,
    aud,
    iat: _iat,
    nbf: _nbf,
    exp: _exp,
    jti: _jti,
    ...claims
  } = JSON.parse(Buffer.from(body, 'base64url').toString());
  const nowMs = systemClock.now() - 2 * ttlSeconds * 1000;
  return signToken(product.identity.keys, claims, {
    headerType,
    issuer: iss,
    audience: aud,
    nowMs,
    lifetimeSeconds: ttlSeconds,
  });
}

async function endedOf(product: Attacked, person: Person): Promise<string> {
  const { access } = await product.signIn(person);
  await product.product.identity.signOut(access);
  return access;
}

/** A page in a browser: its cookies, and the hidden fields of its form. */
export interface OpenedForm {
  cookie: string;
  fields: Record<string, string>;
  text: string;
}

/** Opens a page as a browser does that has these cookies. */
export async function openForm(product: Attacked, path: string, carried = ''): Promise<OpenedForm> {
  const answer = await product.send({ path, headers: ['Cookie', carried] });
  const fields = [...answer.text.matchAll(/type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(
    ([, name = '', value = '']): [string, string] => [name, value],
  );
  const cookie = [carried, cookiesOf(answer.headers)].filter(Boolean).join('; ');
  return { cookie, fields: Object.fromEntries(fields), text: answer.text };
}

export function cookiesOf(headers: Record<string, string | string[] | undefined>): string {
  return [headers['set-cookie'] ?? []]
    .flat()
    .map((line) => line.split(';')[0])
    .join('; ');
}

/** A form as a browser of ours sends it. */
export function sentForm(
  product: Attacked,
  path: string,
  { fields, cookie }: Partial<OpenedForm> & { fields: Record<string, string> },
): Sent {
  return {
    method: 'POST',
    path,
    body: new URLSearchParams(fields).toString(),
    headers: [
      'Content-Type',
      'application/x-www-form-urlencoded',
      'Origin',
      product.api.url,
      ...(cookie === undefined ? [] : ['Cookie', cookie]),
    ],
  };
}

/** The start of a sign-in at a client: the address of the interaction, and the cookies that it set. */
export async function beginInteraction(
  { product }: Pick<World, 'product'>,
  more: Record<string, string> = {},
): Promise<{ path: string; cookie: string }> {
  const answer = await product.send({ path: authorizePath(more) });
  return { path: String(answer.headers.location), cookie: cookiesOf(answer.headers) };
}

/** RFC 7636 appendix B. */
export const codeVerifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
export const codeChallenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

export function authorizePath(more: Record<string, string> = {}): string {
  return `/oidc/auth?${new URLSearchParams({
    client_id: 'own-client',
    redirect_uri: callback('own-client'),
    response_type: 'code',
    scope: 'openid email',
    code_challenge: codeChallenge,
    code_challenge_method: 'S256',
    ...more,
  })}`;
}

let people = 0;

/** Somebody with a password whom no other row touches. */
export async function somebody({
  product,
}: Pick<World, 'product'>): Promise<{ userId: string; email: string }> {
  people += 1;
  return addPerson(product, `somebody-${people}`);
}
