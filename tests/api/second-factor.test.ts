import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appCode } from '@hexabase/testkit/authenticator-app.ts';
import { startApi, type Api, type Person } from './start-api.ts';

let api: Api;
let count = 0;

beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api[Symbol.asyncDispose]());

const fresh = (word: string): string => `${word}-${(count += 1)}`;

/** Adds an authenticator app in the person's own session; the secret. */
async function enrol(person: Person): Promise<string> {
  const { data } = await person.call('POST', '/api/v1/second-factors/totp', { body: {} });
  const secret = String(data['secret']);
  const path = `/api/v1/second-factors/${data['id']}/confirm`;
  const confirmed = await person.call('POST', path, { body: { code: appCode(secret) } });
  expect(confirmed.status, confirmed.text).toBe(200);
  expect(confirmed.list).toHaveLength(10);
  return secret;
}

/** An organization that asks for second factors, its owner who has one, and a member who has none. */
async function asking() {
  const owner = await api.owner(fresh('owner'));
  const member = await api.person(fresh('member'));
  await api.join(owner.organizationId, member, 'admin');
  const organization = `/api/v1/organizations/${owner.organizationId}`;
  const made = await owner.call('POST', '/api/v1/workspaces', {
    body: { name: 'Shop', organization: owner.organizationId },
  });
  const workspace = `/api/v1/workspaces/${made.data['id']}`;
  await api.activate(String(made.data['id']));
  await enrol(owner);
  const require = (required: boolean, person: Person = owner) =>
    person.call('PUT', `${organization}/second-factor`, {
      body: { mode: required ? 'required' : 'optional' },
    });
  return { owner, member, organization, workspace, slug: owner.organizationSlug, require };
}

describe('an organization that asks for a second factor', () => {
  it('is what explains, to those who ask, why somebody with a role reaches nothing', async () => {
    const { owner, member, workspace, require } = await asking();
    const access = `${workspace}/access`;
    const explain = `${access}?user=${member.email}&verb=get&resource=pods`;
    const whoCan = `${access}/who-can?verb=get&resource=pods`;
    const ofMember = async () =>
      (await owner.call('GET', whoCan)).list.filter(({ email }) => email === member.email);
    const expectMay = async () => {
      expect((await owner.call('GET', explain)).data).toMatchObject({
        decision: { allowed: true },
        withheld: null,
      });
      expect(await ofMember()).toMatchObject([{ withheld: false }]);
    };
    await expectMay();
    await require(true);
    const { data } = await owner.call('GET', explain);
    expect(data).toMatchObject({
      decision: {
        allowed: false,
        words: expect.stringMatching(
          /although a role allows it\. Withheld until .* hks second-factor add-totp/,
        ),
      },
      grants: [{ why: expect.stringContaining('is an admin of the organization') }],
    });
    expect((await ofMember())[0]).toMatchObject({
      withheld: true,
      why: expect.stringMatching(/is an admin of the organization.* Withheld until/),
    });
    const viewed = await owner.call('POST', `${access}/view-as`, { body: { user: member.email } });
    expect(viewed.data['withheld']).toContain('Withheld until');
    const own = await owner.call('GET', `${access}?verb=get&resource=pods`);
    expect(own.data).toMatchObject({ decision: { allowed: true }, withheld: null });
    await enrol(member);
    await expectMay();
  });

  it('refuses a member without one everything in it from the next request on, and says what to do', async () => {
    const { owner, member, organization, workspace, slug, require } = await asking();
    const before = await member.call('GET', '/api/v1/workspaces');
    expect(before.list).toHaveLength(1);
    expect((await require(true)).data['requireSecondFactor']).toBe(true);
    const calls: [string, string, object?][] = [
      ['GET', organization],
      ['PATCH', organization, { name: 'Taken' }],
      ['GET', `${organization}/members`],
      ['GET', workspace],
      ['DELETE', workspace],
      ['POST', `${workspace}/kube-token`],
      ['GET', `${workspace}/kubeconfig`],
      ['POST', `${workspace}/projects`, { name: 'p' }],
      ['GET', `/api/v1/workspaces?organization=${slug}`],
      ['GET', `/api/v1/operations?organization=${slug}`],
      ['POST', '/api/v1/workspaces', { name: 'More', organization: slug }],
      ['POST', '/api/v1/workspaces', { name: 'More' }],
      ['POST', '/api/v1/tokens', { name: 'way-round', scope: 'write', expires: '1d' }],
    ];
    for (const [method, path, body] of calls) {
      const answer = await member.call(method, path, body ? { body } : {});
      expect([method, path, answer.status, answer.error?.code]).toEqual([
        method,
        path,
        403,
        'second_factor_required',
      ]);
      expect(answer.error.details['howTo']).toContain('hks second-factor add-totp');
    }
    expect((await member.call('GET', '/api/v1/workspaces')).list).toEqual([]);
    const listed = await member.call('GET', '/api/v1/organizations');
    expect(listed.list).toMatchObject([{ slug, requireSecondFactor: true }]);
    expect((await owner.call('GET', workspace)).status).toBe(200);
  });

  it('takes the member in as soon as they have added one, and out again when they have removed all', async () => {
    const { owner, member, workspace, require } = await asking();
    await require(true);
    await enrol(member);
    expect((await member.call('GET', workspace)).status).toBe(200);
    expect((await member.call('POST', `${workspace}/kube-token`)).status).toBe(201);
    const [factor] = (await member.call('GET', '/api/v1/second-factors')).list;
    const path = `/api/v1/second-factors/${factor?.['id']}`;
    const kept = await member.call('DELETE', path);
    expect([kept.status, kept.error.code]).toEqual([409, 'conflict']);
    expect(kept.error.message).toContain(String(owner.email.split('@')[0]));
    await require(false);
    expect((await member.call('DELETE', path)).status).toBe(204);
    await require(true);
    expect((await member.call('GET', workspace)).error.code).toBe('second_factor_required');
  });

  it('leaves what its members have in other organizations untouched', async () => {
    const { member, require } = await asking();
    const own = await member.call('POST', '/api/v1/organizations', { body: { name: 'Own' } });
    const path = `/api/v1/organizations/${own.data['id']}`;
    await require(true);
    expect((await member.call('GET', path)).status).toBe(200);
    const made = await member.call('POST', '/api/v1/workspaces', { body: { name: 'Mine' } });
    expect([made.status, made.data['organizationId']]).toEqual([201, own.data['id']]);
    expect((await member.call('GET', `${path}/members/absent`)).error.code).not.toBe(
      'second_factor_required',
    );
  });

  it('tells strangers nothing of it', async () => {
    const { organization, workspace, require } = await asking();
    await require(true);
    const stranger = await api.person(fresh('stranger'));
    for (const path of [organization, workspace])
      expect((await stranger.call('GET', path)).error.code).toBe('not_found');
  });

  it('does not ask programs: API tokens and service accounts go on', async () => {
    const { owner, member, organization, workspace, require } = await asking();
    const body = { name: 'ci', scope: 'read', expires: '1d' };
    const mine = await member.call('POST', '/api/v1/tokens', { body });
    const account = await owner.call('POST', `${organization}/service-accounts`, { body: { name: 'robot' } });
    const path = `${organization}/service-accounts/${account.data['id']}/tokens`;
    const robot = await owner.call('POST', path, { body });
    await require(true);
    for (const { data } of [mine, robot]) {
      const answer = await api.call('GET', workspace, { token: String(data['token']) });
      expect(answer.status, answer.text).toBe(200);
    }
  });

  it('is made so by an owner alone, and only by one who has shown a second factor', async () => {
    const owner = await api.owner(fresh('owner'));
    const admin = await api.person(fresh('admin'));
    await api.join(owner.organizationId, admin, 'admin');
    const path = `/api/v1/organizations/${owner.organizationId}/second-factor`;
    const body = { mode: 'required' };
    const locked = await owner.call('PUT', path, { body });
    expect([locked.status, locked.error.code]).toEqual([409, 'conflict']);
    expect(locked.error.message).toContain('lock you out');
    await enrol(admin);
    expect((await admin.call('PUT', path, { body })).error.code).toBe('forbidden');
    await enrol(owner);
    expect((await owner.call('PUT', path, { body })).status).toBe(200);
  });

  it('has the refusal in its own audit log', async () => {
    const { owner, member, workspace, require } = await asking();
    await require(true);
    await member.call('GET', workspace);
    const entries = await api.query(
      `select outcome, details ->> 'code' as code from audit_entries where organization_id = $1 and actor_id = $2`,
      [owner.organizationId, member.userId],
    );
    expect(entries).toContainEqual({ outcome: 'denied', code: 'second_factor_required' });
  });
});

describe('second factors at the API', () => {
  it('are nobody’s business but their person’s: an owner of the organization neither sees nor removes them', async () => {
    const { owner, member } = await asking();
    await enrol(member);
    const [factor] = (await member.call('GET', '/api/v1/second-factors')).list;
    const path = `/api/v1/second-factors/${factor?.['id']}`;
    expect((await owner.call('DELETE', path)).error.code).toBe('not_found');
    const members = await owner.call('GET', `/api/v1/organizations/${owner.organizationId}/members`);
    expect(members.text).not.toMatch(/factor/i);
    const reset = { body: { email: member.email } };
    expect((await owner.call('POST', '/api/v1/second-factors/reset', reset)).error.code).toBe('forbidden');
  });

  it('are removed by an operator of the platform, in the audit log, with a letter to the person', async () => {
    const person = await api.person(fresh('lost'));
    await enrol(person);
    const operator = await api.operator(fresh('operator'));
    const body = { email: person.email };
    expect((await operator.call('POST', '/api/v1/second-factors/reset', { body })).status).toBe(204);
    expect((await person.call('GET', '/api/v1/second-factors')).error.code).toBe('session_ended');
    const entries = await api.query(
      `select details ->> 'userId' as who from audit_entries where action = 'second-factor.reset' and actor_id = $1`,
      [operator.userId],
    );
    expect(entries).toEqual([{ who: person.userId }]);
    const mails = await api.query('select subject from mails where recipient = $1 order by id', [
      person.email,
    ]);
    expect(mails.at(-1)?.['subject']).toContain('Your second factors were removed');
  });

  it('are closed to API tokens', async () => {
    const person = await api.owner(fresh('owner'));
    const body = { name: 'ci', scope: 'write', expires: '1d' };
    const { data } = await person.call('POST', '/api/v1/tokens', { body });
    const token = String(data['token']);
    expect((await api.call('GET', '/api/v1/second-factors', { token })).status).toBe(403);
    const added = await api.call('POST', '/api/v1/second-factors/totp', { token, body: {} });
    expect(added.status).toBe(403);
  });
});
