import { newId } from '@hexabase/kernel/id.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer } from './exchange.ts';
import { addPerson, password } from './relying-parties.ts';
import { fresh, startProduct, type Attacked, type Person, type Tenant } from './start-product.ts';

/** Getting in as somebody else, keeping others out, and using what was meant for one person or one browser. */
let product: Attacked;
let ann: Tenant;
let eve: Tenant;

beforeAll(async () => {
  product = await startProduct();
  [ann, eve] = await Promise.all([product.tenant('ann'), product.tenant('eve')]);
});
afterAll(() => product?.[Symbol.asyncDispose]());

const logIn = (email: string, tried: string, from?: string, cookie?: string): Promise<Answer> =>
  product.send({
    method: 'POST',
    path: '/auth/login',
    body: { email, password: tried },
    ...(from && { from }),
    ...(cookie && { headers: ['Cookie', cookie] }),
  });
const statuses = (answers: readonly Answer[]): number[] => answers.map(({ status }) => status);

const codeFor = async (email: string): Promise<string> =>
  /hks_inv_\S+/.exec(await product.letterTo(email))?.[0] ?? '';

describe('an invitation', () => {
  const accept = (person: Person, invitation: string) =>
    person.call('POST', '/api/v1/invitations/accept', { invitation });
  const invite = async (email: string, role = 'viewer') => {
    const path = `/api/v1/organizations/${ann.organizationId}/invitations`;
    const made = await ann.call('POST', path, { email, role });
    expect(made.status, made.text).toBe(201);
    return { id: String(made.json['data'].id), code: await codeFor(email), path };
  };

  test('A18 an invitation lets in nobody but its reader, and the reader once', async () => {
    const bea = await product.person(fresh('bea'));
    const { id, code } = await invite(bea.email);
    expect(code).toMatch(/^hks_inv_/);
    const guessed = `hks_inv_${'A'.repeat(code.length - 8)}`;
    for (const tried of [code, id, guessed, newId()]) expect((await accept(eve, tried)).status).toBe(404);
    expect((await accept(bea, guessed)).status).toBe(404);
    expect(statuses(await Promise.all([accept(bea, code), accept(bea, code)])).sort()).toEqual([200, 404]);
    expect((await accept(bea, code)).status).toBe(404);
    const members = await product.query('select user_id from memberships where organization_id = $1', [
      ann.organizationId,
    ]);
    expect(members.map(({ user_id: userId }) => userId).sort()).toEqual([ann.userId, bea.userId].sort());
  });

  test('A18 an invitation that was taken back, is too late or whose author left lets nobody in', async () => {
    const person = await product.person(fresh('late'));
    const late = await invite(person.email);
    await product.query(`update invitations set expires_at = now() - interval '1 second' where id = $1`, [
      late.id,
    ]);
    expect((await accept(person, late.code)).status).toBe(404);
    const revoked = await invite(person.email);
    expect((await ann.call('DELETE', `${revoked.path}/${revoked.id}`)).status).toBe(204);
    expect((await accept(person, revoked.code)).status).toBe(404);
    expect((await person.call('GET', `/api/v1/organizations/${ann.organizationId}`)).status).toBe(404);
  });
});

describe('passwords', () => {
  const once429 = async (sent: Promise<Answer>): Promise<unknown> =>
    (await sent).status === 429 ? undefined : new Promise(() => undefined);

  /** Guesses from many places at which nobody was ever signed in. */
  async function surround(email: string): Promise<Answer[]> {
    const places = Array.from({ length: 13 }, (_, n) => `127.0.7.${n + 1}`);
    const tries: Answer[] = [];
    for (const place of places)
      tries.push(...(await Promise.all(Array.from({ length: 9 }, () => logIn(email, 'wrong', place)))));
    return tries;
  }
  /** What a browser keeps of a sign-in. */
  const deviceOf = ({ headers }: Answer): string =>
    (headers['set-cookie'] ?? []).find((line) => line.startsWith('hks-device='))?.split(';')[0] ?? '';

  test('B10 guessing one account’s password is slowed, one after the other and all at once, and the right one waits too', async () => {
    const { email } = await addPerson(product, fresh('guessed'));
    const sent = Array.from({ length: 40 }, (_, n) => logIn(email, `wrong ${n}`, '127.0.0.3'));
    // The first delay is a second: the right one is sent as soon as it has begun.
    await Promise.race([Promise.all(sent), ...sent.map(once429)]);
    const slowed = await logIn(email, password, '127.0.0.3');
    const tries = await Promise.all(sent);
    expect(new Set(statuses(tries))).toEqual(new Set([401, 429]));
    expect(tries.filter(({ status }) => status === 401).length).toBeLessThan(25);
    expect([slowed.status, slowed.json['error'].code]).toEqual([429, 'rate_limited']);
    expect(Number(slowed.headers['retry-after'])).toBeGreaterThan(0);
  });

  test('B10 trying one password with many accounts from one place is slowed too', async () => {
    const spray = (n: number) => logIn(`${fresh('sprayed')}@example.test`, `wrong ${n}`, '127.0.0.4');
    const tries: Answer[] = [];
    for (let round = 0; round < 15; round += 1)
      tries.push(...(await Promise.all(Array.from({ length: 10 }, (_, n) => spray(n)))));
    expect(statuses(tries)).toContain(429);
  });

  test('B11 who guesses from elsewhere does not lock the owner out', async () => {
    const { email } = await addPerson(product, fresh('locked'));
    for (let n = 0; n < 14; n += 1) await logIn(email, 'wrong', '127.0.0.5');
    expect((await logIn(email, password, '127.0.0.5')).status).toBe(429);
    expect((await logIn(email, password)).status).toBe(200);
  });

  test('B10 guessing one account’s password from many places is slowed for all of them, but not where its owner was', async () => {
    const { email } = await addPerson(product, fresh('surrounded'));
    expect((await logIn(email, password, '127.0.0.8')).status).toBe(200);
    const nobody = `${fresh('nobody')}@example.test`;
    for (const guessed of [email, nobody]) {
      expect(new Set(statuses(await surround(guessed)))).toEqual(new Set([401, 429]));
      // Also where nobody guessed before, and whether or not there is such an account.
      expect((await logIn(guessed, password, '127.0.7.200')).status).toBe(429);
    }
    expect((await logIn(email, password, '127.0.0.8')).status).toBe(200);
  });

  test('B11 who guesses from everywhere slows down nobody on a device on which they signed in before, wherever it is', async () => {
    const { email } = await addPerson(product, fresh('travelling'));
    const device = deviceOf(await logIn(email, password, '127.0.0.9'));
    await surround(email);
    expect((await logIn(email, password, '127.0.7.201')).status).toBe(429);
    expect((await logIn(email, password, '127.0.7.201', device)).status).toBe(200);
  });

  test('B10 what was stolen of a known device is good for ten guesses of its own account, and for none of another', async () => {
    const [{ email }, victim] = [
      await addPerson(product, fresh('stolen')),
      await addPerson(product, fresh('v')),
    ];
    const device = deviceOf(await logIn(email, password, '127.0.0.9'));
    for (const guessed of [email, victim.email]) await surround(guessed);
    expect((await logIn(victim.email, password, '127.0.7.202', device)).status).toBe(429);
    const tries = await Promise.all(
      Array.from({ length: 30 }, (_, n) => logIn(email, `wrong ${n}`, '127.0.7.203', device)),
    );
    expect(statuses(tries).filter((status) => status === 401)).toHaveLength(10);
    expect((await logIn(email, password, '127.0.7.203', device)).status).toBe(429);
  });

  test('B19 nobody changes an address or vouches for it by themselves', async () => {
    const before = await product.fingerprint();
    const body = { email: ann.email, email_verified: true, emailVerified: true };
    for (const path of [
      '/auth/me',
      '/api/v1/me',
      '/api/v1/auth/me',
      '/api/v1/users/me',
      `/api/v1/users/${eve.userId}`,
    ]) {
      for (const method of ['POST', 'PUT', 'PATCH'])
        expect([404, 405]).toContain((await eve.call(method, path, body)).status);
    }
    const renamed = await eve.call(
      'PATCH',
      `/api/v1/organizations/${eve.organizationId}/members/${eve.userId}`,
      body,
    );
    expect(renamed.status).toBe(400);
    expect(await product.fingerprint()).toBe(before);
  });
});

describe('a browser', () => {
  const form = async () => {
    const query = new URLSearchParams({
      client_id: 'hks',
      redirect_uri: 'http://127.0.0.1:4711/callback',
      response_type: 'code',
      code_challenge: 'a'.repeat(43),
      code_challenge_method: 'S256',
    });
    const path = `/auth/authorize?${query}`;
    const opened = await product.send({ path });
    const cookie = (opened.headers['set-cookie'] ?? []).map((line) => line.split(';')[0]).join('; ');
    const token = /name="form_token" value="([^"]*)"/.exec(opened.text)?.[1] ?? '';
    expect([opened.status, token.length > 20]).toEqual([200, true]);
    return { path, cookie, token };
  };
  const send = (
    { path, cookie, token }: { path: string; cookie: string; token: string },
    person: { email: string },
    headers: string[],
  ) => {
    const body = String(
      new URLSearchParams({ form_token: token, email: person.email, password, decision: 'allow' }),
    );
    const type = ['Content-Type', 'application/x-www-form-urlencoded'];
    return product.send({ method: 'POST', path, body, headers: [...type, 'Cookie', cookie, ...headers] });
  };

  test('B12 a form that another site sends with this browser’s cookie is refused, whatever it calls itself', async () => {
    const person = await addPerson(product, fresh('victim'));
    const opened = await form();
    for (const headers of [
      ['Origin', 'https://evil.example'],
      ['Origin', 'null'],
      ['Origin', product.api.url.replace('localhost', 'localhost.evil.example')],
      ['Origin', product.gateway.url],
      ['Sec-Fetch-Site', 'cross-site'],
      ['Sec-Fetch-Site', 'same-site'],
    ])
      expect([headers, (await send(opened, person, headers)).status]).toEqual([headers, 403]);
    const own = await send(opened, person, ['Origin', product.api.url, 'Sec-Fetch-Site', 'same-origin']);
    expect([own.status, String(own.headers.location)]).toEqual([303, expect.stringContaining('code=')]);
  });

  test('B12 JSON that calls itself a form or text is not taken, and cookies sign nobody in at the API', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
    ]) {
      const body = JSON.stringify({ name: 'of another site' });
      const answer = await eve.call('POST', '/api/v1/organizations', body, ['Content-Type', type]);
      expect([type, answer.status]).toEqual([type, 415]);
    }
    const { cookie } = await form();
    for (const headers of [
      ['Cookie', cookie],
      ['Cookie', `token=${eve.access}; session=${eve.access}`],
    ])
      expect((await product.send({ path: '/api/v1/organizations', headers })).status).toBe(401);
    const preflight = await product.send({
      method: 'OPTIONS',
      path: '/api/v1/organizations',
      headers: ['Origin', 'https://evil.example', 'Access-Control-Request-Method', 'POST'],
    });
    expect(preflight.headers['access-control-allow-origin']).toBeUndefined();
  });

  test('B13 a form that the attacker has opened is not taken in the victim’s browser', async () => {
    const person = await addPerson(product, fresh('prepared'));
    const [theirs, mine] = [await form(), await form()];
    const origin = ['Origin', product.api.url];
    expect((await send({ ...theirs, token: mine.token }, person, origin)).status).toBe(403);
    expect((await send({ ...theirs, token: '' }, person, origin)).status).toBe(403);
    expect((await send({ ...theirs, cookie: 'hks-form=x' }, person, origin)).status).toBe(403);
    expect((await send(theirs, person, origin)).status).toBe(303);
  });

  test('B13 a session’s id is never the caller’s to choose', async () => {
    const { email } = await addPerson(product, fresh('fixed'));
    for (const chosen of [{ session_id: newId() }, { sid: newId() }, { refresh_token: eve.refresh }]) {
      const body = { email, password, ...chosen };
      expect((await product.send({ method: 'POST', path: '/auth/login', body })).status).toBe(400);
    }
    const sessions = await Promise.all([1, 2].map(() => logIn(email, password)));
    const ids = sessions.map(({ json }) => json['user'].sessionId);
    expect(ids).toEqual([expect.any(String), expect.any(String)]);
    expect(new Set(ids).size).toBe(2);
  });

  test('C08 what somebody typed stands as text on the pages, and no page allows a script', async () => {
    const opened = await form();
    const evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>@example.test';
    const answers = [
      await send(opened, { email: evil }, ['Origin', product.api.url]),
      await product.send({ path: opened.path }),
      await product.send({ path: `/device?user_code=${encodeURIComponent('"><script>alert(1)</script>')}` }),
      await product.send({ path: '/' }),
      await product.send({ path: `/auth/finish?code=${encodeURIComponent('<script>')}` }),
    ];
    for (const { text, headers } of answers) {
      expect(text).not.toMatch(/<script|<img|onerror=[^&]*>/i);
      const policy = String(headers['content-security-policy']);
      expect(policy).toContain("default-src 'none'");
      expect(policy).not.toMatch(/unsafe-|\*|script-src/);
      expect(headers['x-frame-options']).toBe('DENY');
      expect(headers['x-content-type-options']).toBe('nosniff');
    }
  });
});

describe('a session', () => {
  const me = (token: string) => product.send({ path: '/auth/me', token });
  const refresh = (token: string) =>
    product.send({ method: 'POST', path: '/auth/refresh', body: { refresh_token: token } });

  test('B14 the fourth session ends the first: its access, its refreshing, and nobody else’s', async () => {
    const first = await product.person(fresh('many'));
    const more = [await product.signIn(first), await product.signIn(first), await product.signIn(first)];
    expect(statuses(await Promise.all([first, ...more].map(({ access }) => me(access))))).toEqual([
      401, 200, 200, 200,
    ]);
    expect((await refresh(first.refresh)).status).toBe(401);
    expect((await me(eve.access)).status).toBe(200);
  });

  test('B14 a session is over when it was signed out, left idle or has had its time', async () => {
    const out = await product.person(fresh('out'));
    expect((await product.send({ method: 'POST', path: '/auth/logout', token: out.access })).status).toBe(
      204,
    );
    const idle = await product.person(fresh('idle'));
    await product.query(
      `update refresh_tokens set expires_at = now() - interval '1 second' where session_id in (select id from sessions where user_id = $1)`,
      [idle.userId],
    );
    const old = await product.person(fresh('old'));
    await product.query(`update sessions set expires_at = now() - interval '1 second' where user_id = $1`, [
      old.userId,
    ]);
    expect(statuses([await me(out.access), await me(old.access)])).toEqual([401, 401]);
    const refreshed = await Promise.all([out, idle, old].map(({ refresh: token }) => refresh(token)));
    expect(statuses(refreshed)).toEqual([401, 401, 401]);
  });

  test('B14 somebody’s list of sessions holds their own, and ends nobody else’s', async () => {
    const [victim, thief] = [await product.person(fresh('v')), await product.person(fresh('t'))];
    const [{ id }] = (await victim.call('GET', '/api/v1/auth/sessions')).json['data'];
    const listed = await thief.call('GET', '/api/v1/auth/sessions');
    expect(listed.text).not.toContain(id);
    expect((await thief.call('DELETE', `/api/v1/auth/sessions/${id}`)).status).toBe(404);
    expect((await me(victim.access)).status).toBe(200);
  });

  test('B04 a session that named its device is refreshed by that device only', async () => {
    const { email } = await addPerson(product, fresh('device'));
    const body = { email, password, device_id: 'laptop' };
    for (const elsewhere of [undefined, 'phone']) {
      const { json } = await product.send({ method: 'POST', path: '/auth/login', body });
      const refreshAs = (token: unknown, device_id?: string) =>
        product.send({ method: 'POST', path: '/auth/refresh', body: { refresh_token: token, device_id } });
      const kept = await refreshAs(json['refresh_token'], 'laptop');
      expect(kept.status).toBe(200);
      const copied = kept.json['refresh_token'];
      expect((await refreshAs(copied, elsewhere)).status).toBe(401);
      // Two hold it, and nobody knows which of them is the thief.
      expect((await refreshAs(copied, 'laptop')).status).toBe(401);
      expect((await me(kept.json['access_token'])).status).toBe(401);
    }
  });

  test('B05 a disabled account refreshes nothing and signs in nowhere', async () => {
    const { email, userId } = await addPerson(product, fresh('disabled'));
    const { json } = await logIn(email, password);
    await product.query('update users set disabled_at = now() where id = $1', [userId]);
    expect((await refresh(json['refresh_token'])).status).toBe(401);
    expect((await me(json['access_token'])).status).toBe(401);
    expect((await logIn(email, password)).status).toBe(401);
  });
});

describe('keys', () => {
  test('B08 changing keys refuses no good token, and keys that nobody knows open nothing', async () => {
    const [header = '', ...rest] = ann.access.split('.');
    const known = JSON.parse(Buffer.from(header, 'base64url').toString());
    const unknown = () =>
      [Buffer.from(JSON.stringify({ ...known, kid: newId() })).toString('base64url'), ...rest].join('.');
    const calls = async () => {
      const sent = Array.from({ length: 20 }, () => ann.call('GET', '/api/v1/workspaces'));
      const flood = Array.from({ length: 20 }, () =>
        product.send({ path: '/api/v1/workspaces', token: unknown() }),
      );
      expect(new Set(statuses(await Promise.all(sent)))).toEqual(new Set([200]));
      expect(new Set(statuses(await Promise.all(flood)))).toEqual(new Set([401]));
    };
    for (let turn = 0; turn < 2; turn += 1) {
      const [rotated] = await Promise.all([product.product.identity.rotateSigningKeys(), calls()]);
      expect(rotated).toEqual({ rotated: true });
      await calls();
      expect((await ann.kube('GET', '/version')).status).toBe(200);
      const later = await product.signIn(ann);
      expect((await later.call('GET', '/api/v1/workspaces')).status).toBe(200);
    }
  });
});

describe('WebSockets', () => {
  const upgrade = (token: string | undefined, headers: string[] = [], workspace = ann.workspaceId) =>
    product.kube(workspace, {
      path: '/api/v1/namespaces/default/pods/web/exec?command=id&stdout=true',
      token,
      headers: ['Connection', 'Upgrade', 'Upgrade', 'websocket', 'Sec-WebSocket-Version', '13', 'Sec-WebSocket-Key', 'AAAAAAAAAAAAAAAAAAAAAA==', ...headers], // prettier-ignore
    });

  test('B18 an upgrade needs the same token as a request, in the same place', async () => {
    const hidden = Buffer.from(ann.kubeToken).toString('base64url');
    const protocol = [
      'Sec-WebSocket-Protocol',
      `base64url.bearer.authorization.k8s.io.${hidden}, v5.channel.k8s.io`,
    ];
    const tried = [
      await upgrade(undefined),
      await upgrade(eve.kubeToken),
      await upgrade(ann.access),
      await upgrade(undefined, protocol),
      await upgrade(ann.kubeToken, protocol),
      await upgrade(eve.kubeToken, protocol, eve.workspaceId),
    ];
    expect(statuses(tried)).toEqual(tried.map(() => 401));
  });

  test('B18 an upgrade of another site’s page, or as somebody else, is refused', async () => {
    expect((await upgrade(ann.kubeToken, ['Host', 'evil.example'])).status).toBe(400);
    expect((await upgrade(ann.kubeToken, ['Impersonate-User', 'system:admin'])).status).toBe(403);
  });
});
