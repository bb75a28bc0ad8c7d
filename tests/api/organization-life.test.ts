import { purgeOrganizations } from '@hexabase/features/organizations/purge.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type Api } from './start-api.ts';

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api[Symbol.asyncDispose]());

const at = (organizationId: string, verb = '') => `/api/v1/organizations/${organizationId}${verb}`;

describe('a member', () => {
  it('leaves by themselves and is out at once; the last owner cannot', async () => {
    const ann = await api.owner('ann');
    const bob = await api.person('bob');
    await api.join(ann.organizationId, bob, 'viewer');
    expect((await ann.call('POST', at(ann.organizationId, '/leave'))).error.code).toBe('last_owner');
    expect((await bob.call('POST', at(ann.organizationId, '/leave'))).status).toBe(200);
    expect((await bob.call('GET', at(ann.organizationId))).status).toBe(404);
    expect((await ann.call('GET', at(ann.organizationId, '/members'))).list).toHaveLength(1);
  });

  it('becomes the owner when the owner hands over, who is then an admin; two at once leave one owner', async () => {
    const cat = await api.owner('cat');
    const dan = await api.person('dan');
    const eve = await api.person('eve');
    await api.join(cat.organizationId, dan, 'admin');
    await api.join(cat.organizationId, eve, 'viewer');
    const by = (person: typeof dan, to: string) =>
      person.call('POST', at(cat.organizationId, '/transfer'), { body: { to } });
    expect((await by(dan, dan.email)).status).toBe(403);
    expect((await by(cat, 'stranger@example.test')).status).toBe(404);
    const [one, two] = await Promise.all([by(cat, dan.email), by(cat, eve.email)]);
    expect([one.status, two.status].sort()).toEqual([200, 403]);
    const roles = await api.query('select role from memberships where organization_id = $1 order by role', [
      cat.organizationId,
    ]);
    expect(roles.map(({ role }) => role).filter((role) => role === 'owner')).toHaveLength(1);
    expect((await cat.call('GET', at(cat.organizationId))).data['role']).toBe('admin');
  });
});

describe('who is added to an organization without being asked', () => {
  it('A12 is a colleague from another one; a stranger with an account is refused like an address that nobody has', async () => {
    api.ports.mayAddAnybody = false;
    try {
      const pam = await api.owner('pam');
      const quin = await api.person('quin');
      const add = (email: string) =>
        pam.call('POST', at(pam.organizationId, '/members'), { body: { email, role: 'viewer' } });
      const [known, unknown] = [await add(quin.email), await add('nobody@example.test')];
      expect([known.status, unknown.status]).toEqual([404, 404]);
      expect(JSON.stringify(known.error).replaceAll(quin.email, '')).toBe(
        JSON.stringify(unknown.error).replaceAll('nobody@example.test', ''),
      );
      expect(known.error.details['howTo']).toBe(`hks invitation create ${quin.email} --role viewer`);
      const other = await pam.call('POST', '/api/v1/organizations', { body: { name: 'Pam and Quin' } });
      await api.join(String(other.data['id']), quin, 'viewer');
      expect((await add(quin.email)).status).toBe(201);
    } finally {
      api.ports.mayAddAnybody = true;
    }
  });
});

describe('an organization that takes somebody in and then asks for a second factor', () => {
  it('says why it is closed to them, lets them go, and holds up their API tokens no longer', async () => {
    const kim = await api.owner('kim');
    const leo = await api.person('leo');
    await api.join(kim.organizationId, leo, 'viewer');
    await api.query('update organizations set require_second_factor = true where id = $1', [
      kim.organizationId,
    ]);
    const token = () =>
      leo.call('POST', '/api/v1/tokens', { body: { name: 'own', scope: 'read', expires: '1d' } });
    const held = await token();
    expect([held.status, held.error.code]).toEqual([403, 'second_factor_required']);
    expect(held.error.message).toContain('hks organization leave');
    const listed = () => leo.call('GET', '/api/v1/organizations');
    expect((await listed()).list).toMatchObject([{ id: kim.organizationId, withheld: 'second-factor' }]);
    const left = await leo.call('POST', at(kim.organizationSlug, '/leave'));
    expect(left.status, left.text).toBe(200);
    expect((await listed()).list).toEqual([]);
    expect((await token()).status).toBe(201);
    const log = await api.query(
      `select actor_email from audit_entries where organization_id = $1 and action = 'organization.leave' and outcome = 'allowed'`,
      [kim.organizationId],
    );
    expect(log).toEqual([{ actor_email: leo.email }]);
  });

  it('keeps its last owner, and lets nobody out of what they are not in', async () => {
    const mia = await api.owner('mia');
    const ned = await api.person('ned');
    await api.query('update organizations set require_second_factor = true where id = $1', [
      mia.organizationId,
    ]);
    const leave = (person: typeof ned) => person.call('POST', at(mia.organizationId, '/leave'));
    expect((await leave(mia)).error.code).toBe('last_owner');
    expect((await leave(ned)).status).toBe(404);
  });
});

describe('a change to a plan that keeps the audit log for fewer days', () => {
  it('deletes nothing for 30 days that the plan before kept, through several changes, and says so', async () => {
    const oda = await api.owner('oda', 'enterprise');
    const change = async (plan: string) => {
      const answer = await oda.call('PATCH', at(oda.organizationId), { body: { plan } });
      expect(answer.status, answer.text).toBe(200);
      return answer.data;
    };
    const keptDays = async () => {
      const [row] = await api.query(
        `select round(extract(epoch from now() - hexabase.audit_cutoff($1)) / 86400)::integer as days`,
        [oda.organizationId],
      );
      return row?.['days'];
    };
    const wait = (days: number) =>
      api.query(
        `update organizations set audit_kept_until = audit_kept_until - make_interval(days => $2) where id = $1`,
        [oda.organizationId, days],
      );
    expect(await keptDays()).toBe(730);
    const smaller = await change('pro');
    expect(Date.parse(String(smaller['auditKeptUntil'])) - Date.now()).toBeGreaterThan(29 * 86_400_000);
    expect(smaller['notice']).toContain('keeps the audit log for 180 days');
    expect(await keptDays()).toBe(730);
    await wait(10);
    await change('starter');
    expect(await keptDays()).toBe(730);
    await wait(31);
    expect(await keptDays()).toBe(30);
    expect(await change('enterprise')).toMatchObject({ auditKeptUntil: null, notice: null });
    expect(await keptDays()).toBe(730);
    const log = await oda.call(
      'GET',
      at(oda.organizationId, '/audit?action=organization.update&sort=createdAt'),
    );
    expect(log.list[0]?.['details']).toMatchObject({
      planBefore: 'enterprise',
      planAfter: 'pro',
      auditDaysAfter: 180,
      auditKeptUntil: smaller['auditKeptUntil'],
    });
  });
});

describe('an organization with a grace period', () => {
  it('can be restored by its owner, is closed meanwhile, and goes when the period ends', async () => {
    api.ports.deletionGraceMs = 3_600_000;
    const fay = await api.owner('fay');
    const gus = await api.person('gus');
    await api.join(fay.organizationId, gus, 'admin');
    expect((await fay.call('DELETE', at(fay.organizationId))).status).toBe(204);
    expect((await fay.call('GET', at(fay.organizationId))).data['deletionRequestedAt']).toEqual(
      expect.any(String),
    );
    const closed = [
      await fay.call('POST', '/api/v1/workspaces', {
        body: { name: 'Late', organization: fay.organizationId },
      }),
      await fay.call('PATCH', at(fay.organizationId), { body: { name: 'Another name' } }),
      await gus.call('GET', at(fay.organizationId, '/members')),
    ];
    expect(closed.map(({ status, error }) => [status, error.code])).toEqual(Array(3).fill([409, 'conflict']));
    expect(await purgeOrganizations(api.db.database, new Date())).toBe(0);
    expect((await gus.call('POST', at(fay.organizationId, '/restore'))).status).toBe(403);
    expect(
      (await fay.call('POST', at(fay.organizationId, '/restore'))).data['deletionRequestedAt'],
    ).toBeNull();
    expect((await gus.call('GET', at(fay.organizationId, '/members'))).status).toBe(200);
    await fay.call('DELETE', at(fay.organizationId));
    expect(await purgeOrganizations(api.db.database, new Date(Date.now() + 3_700_000))).toBe(1);
    expect((await fay.call('GET', at(fay.organizationId))).status).toBe(404);
  });

  it('takes nobody in, lets everybody out, and holds nobody up elsewhere by asking for a second factor', async () => {
    api.ports.deletionGraceMs = 3_600_000;
    const hal = await api.owner('hal');
    const [ivy, jon] = [await api.person('ivy'), await api.person('jon')];
    await hal.call('POST', at(hal.organizationId, '/invitations'), {
      body: { email: ivy.email, role: 'admin' },
    });
    const received = () => ivy.call('GET', '/api/v1/invitations');
    const invitation = String((await received()).list[0]?.['id']);
    await api.join(hal.organizationId, jon, 'viewer');
    await api.query('update organizations set require_second_factor = true where id = $1', [
      hal.organizationId,
    ]);
    const token = (name: string) =>
      jon.call('POST', '/api/v1/tokens', { body: { name, scope: 'read', expires: '1d' } });
    expect((await token('held')).status).toBe(403);
    const leaving = (when: string) =>
      api.query(`update organizations set deletion_requested_at = ${when} where id = $1`, [
        hal.organizationId,
      ]);
    await leaving('now()');
    expect((await received()).list).toEqual([]);
    const accept = () => ivy.call('POST', '/api/v1/invitations/accept', { body: { invitation } });
    expect((await accept()).status).toBe(404);
    const made = await token('made');
    expect(made.status, made.text).toBe(201);
    await leaving('null');
    const seen = await api.call('GET', '/api/v1/organizations', { token: String(made.data['token']) });
    const reached = await api.call('GET', at(hal.organizationId), { token: String(made.data['token']) });
    expect([seen.status, reached.status]).toEqual([200, 404]);
    await leaving('now()');
    const left = await jon.call('POST', at(hal.organizationId, '/leave'));
    expect(left.status, left.text).toBe(200);
    await leaving('null');
    expect((await accept()).status).toBe(200);
  });
});

describe('somebody who makes many organizations', () => {
  it('makes fifty; an operator of the platform makes more', async () => {
    const many = await api.owner('many');
    const oda = await api.operator('maker');
    const fill = (person: { userId: string; email: string }) =>
      api.query(
        `insert into organizations (id, slug, name, plan, created_by)
         select 'of-' || $1 || n, 'of-' || lower($1) || n, 'One of many', 'starter', $1 from generate_series(1, 49) n`,
        [person.userId],
      );
    await Promise.all([fill(many), fill(oda)]);
    const make = (person: typeof oda) =>
      person.call('POST', '/api/v1/organizations', { body: { name: 'Another one' } });
    const refused = await make(many);
    expect([refused.status, refused.error.code]).toEqual([409, 'conflict']);
    expect([(await make(oda)).status, (await make(oda)).status]).toEqual([201, 201]);
  });
});
