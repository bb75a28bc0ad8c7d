import { setPassword } from '@hexabase/oidc/users.ts';
import { appCode } from '@hexabase/testkit/authenticator-app.ts';
import { until } from '@hexabase/testkit/given.ts';
import { securityKey } from '@hexabase/testkit/security-key.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fresh, startProduct, type Attacked, type Person, type Tenant } from './start-product.ts';
import { forgetCode } from './things.ts';

/** Somebody who knows a password, or sits at a browser, and lacks the second factor. */
let product: Attacked;
let ann: Victim;
let eve: Victim;

const password = 'correct horse battery';

interface Victim extends Tenant {
  secret: string;
}

beforeAll(async () => {
  product = await startProduct();
  ann = await victim('ann');
  eve = await victim('eve');
});
afterAll(() => product[Symbol.asyncDispose]());

/** A tenant with a password and an authenticator app. */
async function victim(name: string): Promise<Victim> {
  const tenant = await product.tenant(name);
  await givePassword(tenant);
  const again = await product.signIn(tenant);
  const added = (await again.call('POST', '/api/v1/second-factors/totp', {})).json['data'];
  const path = `/api/v1/second-factors/${added.id}/confirm`;
  const confirmed = await again.call('POST', path, { code: appCode(added.secret) });
  if (confirmed.status !== 200) throw new Error(confirmed.text);
  await forgetCode(product, tenant);
  return { ...tenant, ...again, secret: added.secret };
}

async function givePassword({ userId }: Person): Promise<void> {
  const id = JSON.parse(JSON.stringify(userId));
  await product.product.database.asIdentity((tx) =>
    setPassword(tx, { userId: id, password }, product.product.clock.now()),
  );
}

const post = (path: string, body: unknown) => product.send({ method: 'POST', path, body });

async function ticketOf(person: Person): Promise<string> {
  const answer = await post('/auth/login', { email: person.email, password });
  expect([answer.status, answer.json['error'].code]).toEqual([403, 'second_factor_required']);
  expect(answer.text).not.toMatch(/access_token|refresh_token/);
  // With one factor of two nobody is known from now on.
  expect(answer.headers['set-cookie']).toBeUndefined();
  return String(answer.json['error'].details.ticket);
}

/** A page of ours as a browser keeps it: its cookies, and the hidden fields of its form. */
class Visitor {
  cookie = '';
  fields: Record<string, string> = {};

  async open(path: string) {
    return this.#read(await fetch(product.api.url + path, { headers: this.#headers(), redirect: 'manual' }));
  }

  async send(path: string, typed: Record<string, string>) {
    const body = new URLSearchParams({ ...this.fields, ...typed });
    const headers = { ...this.#headers(), origin: product.api.url };
    return this.#read(
      await fetch(product.api.url + path, { method: 'POST', body, headers, redirect: 'manual' }),
    );
  }

  #headers() {
    return { cookie: this.cookie };
  }

  async #read(response: Response) {
    const page = await response.text();
    this.cookie = response.headers.get('set-cookie')?.split(';')[0] ?? this.cookie;
    for (const [, name = '', value = ''] of page.matchAll(/type="hidden" name="(\w+)" value="([^"]*)"/g))
      this.fields[name] = value;
    return { status: response.status, page, location: response.headers.get('location') };
  }
}

const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
const authorize = (port = 4000) =>
  `/auth/authorize?${new URLSearchParams({
    client_id: 'hks',
    redirect_uri: `http://127.0.0.1:${port}/callback`,
    response_type: 'code',
    code_challenge: challenge,
    code_challenge_method: 'S256',
  })}`;

async function atSecondStep(person: Person, path = authorize()): Promise<Visitor> {
  const visitor = new Visitor();
  await visitor.open(path);
  const { page, location } = await visitor.send(path, { email: person.email, password });
  expect([page.includes('One more step'), location]).toEqual([true, null]);
  return visitor;
}

describe('with a password alone', () => {
  test('nothing of a session is given: not by the API, not by a page, not by a code approved for a device', async () => {
    await ticketOf(ann);
    const visitor = await atSecondStep(ann);
    const started = (await post('/auth/device', { client_id: 'hks' })).json;
    const page = `/device?user_code=${started['user_code']}`;
    await visitor.open(page);
    const typed = { user_code: started['user_code'], second_factor: '', email: ann.email, password };
    expect((await visitor.send('/device/decision', typed)).page).toContain('One more step');
    const grant = 'urn:ietf:params:oauth:grant-type:device_code';
    const poll = { grant_type: grant, client_id: 'hks', device_code: started['device_code'] };
    expect((await post('/auth/token', poll)).json['error']).toBe('authorization_pending');
  });

  test('the second step cannot be left out by calling what comes after it', async () => {
    const visitor = await atSecondStep(ann);
    const tries: Record<string, string>[] = [
      { code: '', passkey: '' },
      { code: '', passkey: '{}' },
      { second_factor: 'x', code: '000000' },
      { second_factor: '', decision: 'allow' },
      { second_factor: '', email: ann.email, password },
      { second_factor: `hksf_${'A'.repeat(43)}`, code: appCode(ann.secret) },
    ];
    for (const typed of tries) {
      const { location } = await visitor.send(authorize(), typed);
      expect([typed, location]).toEqual([typed, null]);
    }
  });

  test('a ticket is worth nothing in another browser, on another page, at another address', async () => {
    const stolen = await atSecondStep(ann);
    const { second_factor: ticket = '' } = stolen.fields;
    const thief = new Visitor();
    await thief.open(authorize());
    const code = appCode(ann.secret);
    expect((await thief.send(authorize(), { second_factor: ticket, code })).location).toBeNull();
    expect((await stolen.send(authorize(4001), { code })).location).toBeNull();
    expect((await post('/auth/second-factor', { ticket, code })).status).toBe(401);
    const program = await ticketOf(ann);
    expect((await stolen.send(authorize(), { second_factor: program, code })).location).toBeNull();
    // The code was never spent by all that: its owner gets in with it.
    expect((await stolen.send(authorize(), { second_factor: ticket, code })).location).toContain('code=');
  });

  test('a ticket of one’s own takes no other person in, with their code or one’s own', async () => {
    const mine = await ticketOf(eve);
    const theirs = await ticketOf(ann);
    const both = [
      { ticket: mine, code: appCode(ann.secret, Date.now() + 30_000) },
      { ticket: theirs, code: appCode(eve.secret, Date.now() + 30_000) },
    ];
    for (const body of both) expect((await post('/auth/second-factor', body)).status).toBe(401);
  });

  test('a password that was set by letter does not bring a session either', async () => {
    await givePassword(ann);
    await ticketOf(ann);
    ann = { ...ann, ...(await withCode(ann)) };
  });

  test('nothing about second factors is told to who guesses passwords', async () => {
    const person = await product.person(fresh('plain'));
    await givePassword(person);
    const wrong = { password: 'not the password' };
    const [guarded, plain] = await Promise.all(
      [eve, person].map(({ email }) => post('/auth/login', { email, ...wrong })),
    );
    expect(guarded?.json['error']).toEqual(plain?.json['error']);
  });
});

/** Signs in with both factors. */
async function withCode(person: Victim): Promise<Pick<Person, 'access' | 'refresh' | 'call'>> {
  const ticket = await ticketOf(person);
  await forgetCode(product, person);
  const answer = await post('/auth/second-factor', { ticket, code: appCode(person.secret) });
  expect(answer.status, answer.text).toBe(200);
  expect(answer.headers['set-cookie']).toEqual([expect.stringMatching(/^hks-device=/)]);
  const access = String(answer.json['access_token']);
  return {
    access,
    refresh: String(answer.json['refresh_token']),
    call: (method, path, body) => product.send({ method, path, token: access, body }),
  };
}

describe('with a stolen session', () => {
  test('B13 a second factor that was begun before the owner’s first one is not finished after it', async () => {
    const owner = await product.person(fresh('slow'));
    const thief = await product.signIn(owner);
    const asked = await thief.call('POST', '/api/v1/second-factors/passkeys', { name: 'mine' });
    expect(asked.status, asked.text).toBe(201);
    const visitor = new Visitor();
    const { pathname, search } = new URL(asked.json['data'].url);
    const { page } = await visitor.open(pathname + search);
    const options = (/data-passkey="([^"]*)"/.exec(page)?.[1] ?? '').replaceAll('&quot;', '"');
    const added = (await owner.call('POST', '/api/v1/second-factors/totp', {})).json['data'];
    const confirm = `/api/v1/second-factors/${added.id}/confirm`;
    expect((await owner.call('POST', confirm, { code: appCode(added.secret) })).status).toBe(200);
    const passkey = securityKey(product.api.url).create(options);
    expect((await visitor.send('/auth/passkey', { passkey })).status).toBe(403);
    const { json } = await owner.call('GET', '/api/v1/second-factors');
    expect(json['data'].map((factor: { name: string }) => factor.name)).not.toContain('mine');
  });
});

describe('an organization that asks for a second factor', () => {
  test('shuts the gateway for a member without one, open watches too, and not for others', async () => {
    const member = await product.person(fresh('member'));
    const body = { email: member.email, role: 'developer' };
    const path = `/api/v1/organizations/${eve.organizationId}`;
    expect((await eve.call('POST', `${path}/members`, body)).status).toBe(201);
    const token = await product.kubeToken(member, eve.workspaceId);
    const owners = await product.kubeToken(eve, eve.workspaceId);
    const pods = '/api/v1/namespaces/default/pods';
    const get = (of: string) => product.kube(eve.workspaceId, { method: 'GET', path: pods, token: of });
    expect((await get(owners)).status).toBe(200);
    const watch = await product.openKube(eve.workspaceId, {
      method: 'GET',
      path: `${pods}?watch=true`,
      token,
    });
    const ended = new Promise((resolve) => watch.once('close', resolve));
    watch.resume();
    expect((await eve.call('PUT', `${path}/second-factor`, { mode: 'required' })).status).toBe(200);
    await ended;
    const refusal = await until(async () => {
      const answer = await get(token);
      return answer.status === 403 && answer.text.includes('second_factor_required') ? answer : false;
    });
    expect(refusal.json['message']).toContain('hks second-factor add-totp');
    expect((await get(owners)).status).toBe(200);
    const minted = await member.call('POST', `/api/v1/workspaces/${eve.workspaceId}/kube-token`);
    expect([minted.status, minted.json['error'].code]).toEqual([403, 'second_factor_required']);
  });

  test('is not reached by accepting an invitation, nor by a token made on the way', async () => {
    const path = `/api/v1/organizations/${eve.organizationId}`;
    const guest = await product.person(fresh('guest'));
    const invited = await eve.call('POST', `${path}/invitations`, { email: guest.email, role: 'viewer' });
    expect(invited.status, invited.text).toBe(201);
    const accepted = await guest.call('POST', '/api/v1/invitations/accept', {
      invitation: invited.json['data'].id,
    });
    expect(accepted.status, accepted.text).toBeLessThan(300);
    const refused = (answer: { json: { error?: { code: string } } }) => answer.json['error']?.code;
    expect(refused(await guest.call('GET', path))).toBe('second_factor_required');
    const made = await guest.call('POST', '/api/v1/tokens', { name: 'x', scope: 'read', expires: '1d' });
    expect(refused(made)).toBe('second_factor_required');
  });
});
