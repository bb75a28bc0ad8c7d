import { hash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type Answer, type Api, type Person } from './start-api.ts';

let api: Api;
let operator: Person;
beforeAll(async () => {
  api = await startApi();
  operator = await api.operator('operator');
});
afterAll(() => api[Symbol.asyncDispose]());

const invitationsOf = (organizationId: string) => `/api/v1/organizations/${organizationId}/invitations`;

/** The code of the newest letter to an address, as its reader sees it. */
async function codeFor(email: string): Promise<string> {
  const listed = await operator.call('GET', '/api/v1/outbox');
  const mail = listed.list.find(({ recipient }) => recipient === email);
  const { data } = await operator.call('GET', `/api/v1/outbox/${mail?.['id']}`);
  const code = /accept (hks_inv_\S+)/.exec(String(data['text']))?.[1];
  if (code === undefined) throw new Error(`no letter to ${email}`);
  return code;
}

const accept = (person: Person, invitation: string): Promise<Answer> =>
  person.call('POST', '/api/v1/invitations/accept', { body: { invitation } });

describe('an invitation', () => {
  it('reaches the person by letter, and its code makes exactly that person a member, once', async () => {
    const ann = await api.owner('ann');
    const made = await ann.call('POST', invitationsOf(ann.organizationId), {
      body: { email: 'Bea@example.test', role: 'viewer' },
    });
    expect(made.status).toBe(201);
    expect(made.data).toMatchObject({ email: 'bea@example.test', role: 'viewer', state: 'open' });
    const code = await codeFor('bea@example.test');
    const bea = await api.person('bea');
    const eve = await api.person('eve');
    expect((await accept(eve, code)).status).toBe(404);
    expect((await accept(eve, String(made.data['id']))).status).toBe(404);
    expect((await bea.call('GET', '/api/v1/invitations')).list).toMatchObject([
      { organizationName: 'ann and friends', invitedBy: 'ann@example.test', role: 'viewer' },
    ]);
    expect((await eve.call('GET', '/api/v1/invitations')).list).toEqual([]);
    const joined = await accept(bea, code);
    expect([joined.status, joined.data]).toEqual([
      200,
      {
        organizationId: ann.organizationId,
        organizationName: 'ann and friends',
        organizationSlug: ann.organizationSlug,
        role: 'viewer',
      },
    ]);
    expect((await accept(bea, code)).status).toBe(404);
    const organizations = await bea.call('GET', '/api/v1/organizations');
    expect(organizations.list).toMatchObject([{ id: ann.organizationId, role: 'viewer' }]);
    const audit = await api.query(
      `select actor_email, target from audit_entries where action = 'invitation.accept' and outcome = 'allowed' and organization_id = $1`,
      [ann.organizationId],
    );
    expect(audit).toEqual([{ actor_email: 'bea@example.test', target: `invitation/${made.data['id']}` }]);
  });

  it('reaches whoever can have an account, in whatever script, and no list of addresses', async () => {
    const owner = await api.owner('of-all-scripts');
    const members = `/api/v1/organizations/${owner.organizationId}/members`;
    // The accent is a character of its own here, and one with its letter in the account.
    const jörg = await api.person('jörg');
    const made = await owner.call('POST', invitationsOf(owner.organizationId), {
      body: { email: ' JO\u0308RG@example.test ', role: 'viewer' },
    });
    expect([made.status, made.data['email']]).toEqual([201, 'jörg@example.test']);
    expect((await accept(jörg, await codeFor('jörg@example.test'))).status).toBe(200);
    const listed = (await owner.call('GET', members)).list.map(({ email }) => email);
    expect(listed).toContain('jörg@example.test');
    const other = await api.owner('of-other-scripts');
    const added = await other.call('POST', `/api/v1/organizations/${other.organizationId}/members`, {
      body: { email: 'jörg@example.test', role: 'viewer' },
    });
    expect(added.status).toBe(201);
    for (const email of [
      'a,b@example.test',
      'x<b@example.test>',
      '"b"@example.test',
      'a\u202eb@example.test',
      '\ud800@example.test',
      'a b@example.test',
      `${'a'.repeat(65)}@example.test`,
      `a@${'b'.repeat(190)}`,
    ]) {
      const refused = await owner.call('POST', invitationsOf(owner.organizationId), { body: { email } });
      expect([email, refused.status]).toEqual([email, 400]);
    }
  });

  it('of many answers at once takes one', async () => {
    const owner = await api.owner('parallel');
    await owner.call('POST', invitationsOf(owner.organizationId), { body: { email: 'once@example.test' } });
    const code = await codeFor('once@example.test');
    const once = await api.person('once');
    const answers = await Promise.all(Array.from({ length: 8 }, () => accept(once, code)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(404)]);
  });

  it('puts the person into the groups that it names', async () => {
    const cat = await api.owner('cat');
    const group = await cat.call('POST', `/api/v1/organizations/${cat.organizationId}/groups`, {
      body: { name: 'builders' },
    });
    await cat.call('POST', invitationsOf(cat.organizationId), {
      body: { email: 'dan@example.test', role: 'developer', groups: ['builders'] },
    });
    const dan = await api.person('dan');
    expect((await accept(dan, await codeFor('dan@example.test'))).status).toBe(200);
    const rows = await api.query('select group_id from group_members where user_id = $1', [dan.userId]);
    expect(rows).toEqual([{ group_id: group.data['id'] }]);
  });

  it('ends by revocation, by refusal and by time, and a new letter makes the earlier code worthless', async () => {
    const fay = await api.owner('fay');
    const path = invitationsOf(fay.organizationId);
    const invite = async (email: string) => {
      const { data } = await fay.call('POST', path, { body: { email } });
      return {
        id: String(data['id']),
        code: await codeFor(email),
        person: await api.person(email.split('@')[0] ?? ''),
      };
    };
    const revoked = await invite('gus@example.test');
    expect((await fay.call('DELETE', `${path}/${revoked.id}`)).status).toBe(204);
    expect((await accept(revoked.person, revoked.code)).status).toBe(404);

    const declined = await invite('hal@example.test');
    const decline = { body: { invitation: declined.code } };
    expect((await declined.person.call('POST', '/api/v1/invitations/decline', decline)).status).toBe(204);
    expect((await accept(declined.person, declined.code)).status).toBe(404);

    const expired = await invite('ida@example.test');
    await api.query(`update invitations set expires_at = now() - interval '1 second' where id = $1`, [
      expired.id,
    ]);
    expect((await accept(expired.person, expired.code)).status).toBe(404);
    expect((await fay.call('POST', path, { body: { email: 'ida@example.test' } })).status).toBe(201);

    const resent = await invite('jim@example.test');
    const early = await fay.call('POST', `${path}/${resent.id}/resend`);
    expect([early.status, early.error.code]).toEqual([429, 'rate_limited']);
    await api.query(`update invitations set sent_at = now() - interval '2 minutes' where id = $1`, [
      resent.id,
    ]);
    expect((await fay.call('POST', `${path}/${resent.id}/resend`)).status).toBe(200);
    expect((await accept(resent.person, resent.code)).status).toBe(404);
    expect((await accept(resent.person, await codeFor('jim@example.test'))).status).toBe(200);
  });

  it('gives no role above the inviter’s own, neither when written nor after the inviter fell', async () => {
    const kim = await api.owner('kim');
    const path = invitationsOf(kim.organizationId);
    const admin = await api.person('lou');
    await api.join(kim.organizationId, admin, 'admin');
    expect(
      (await admin.call('POST', path, { body: { email: 'm@example.test', role: 'owner' } })).status,
    ).toBe(403);
    const developer = await api.person('nan');
    await api.join(kim.organizationId, developer, 'developer');
    expect((await developer.call('POST', path, { body: { email: 'm@example.test' } })).status).toBe(403);
    await admin.call('POST', path, { body: { email: 'max@example.test', role: 'admin' } });
    await kim.call('PATCH', `/api/v1/organizations/${kim.organizationId}/members/${admin.userId}`, {
      body: { role: 'viewer' },
    });
    const max = await api.person('max');
    expect((await accept(max, await codeFor('max@example.test'))).status).toBe(404);
  });

  it('is nobody’s business in another organization', async () => {
    const own = await api.owner('olive');
    const other = await api.owner('pat');
    const { data } = await own.call('POST', invitationsOf(own.organizationId), {
      body: { email: 'quin@example.test' },
    });
    for (const [method, path] of [
      ['GET', invitationsOf(own.organizationId)],
      ['POST', `${invitationsOf(own.organizationId)}/${data['id']}/resend`],
      ['DELETE', `${invitationsOf(own.organizationId)}/${data['id']}`],
      ['DELETE', `${invitationsOf(other.organizationId)}/${data['id']}`],
    ] as const) {
      expect([method, path, (await other.call(method, path)).status]).toEqual([method, path, 404]);
    }
  });
});

describe('letters of invitation', () => {
  it('flood no mailbox: ten a day to one address, three of them by one person, from whatever organizations', async () => {
    const answers: Answer[] = [];
    for (const name of ['bomber', 'bomber-two', 'bomber-three', 'bomber-four']) {
      const sender = await api.owner(name);
      for (let letter = 1; letter <= 4; letter += 1) {
        const made = await sender.call('POST', '/api/v1/organizations', {
          body: { name: `Shell ${letter}` },
        });
        const path = invitationsOf(String(made.data['id']));
        answers.push(await sender.call('POST', path, { body: { email: 'victim@corp.test' } }));
      }
    }
    const three = [201, 201, 201, 429];
    expect(answers.map(({ status }) => status)).toEqual([...three, ...three, ...three, 201, 429, 429, 429]);
    expect(Number(answers.at(-1)?.headers.get('retry-after'))).toBeGreaterThan(3_600);
    const mails = await api.query('select count(*)::integer as sent from mails where recipient = $1', [
      'victim@corp.test',
    ]);
    expect(mails).toEqual([{ sent: 10 }]);
    const more = await api.owner('sender-of-another');
    const other = await more.call('POST', invitationsOf(more.organizationId), {
      body: { email: 'other@corp.test' },
    });
    expect(other.status, other.text).toBe(201);
  });

  it.each([
    ['account', 200],
    ['organization', 300],
  ] as const)('of one %s are %d a day', async (of, most) => {
    const owner = await api.owner(`sender-${of}`);
    const invite = (name: string) =>
      owner.call('POST', invitationsOf(owner.organizationId), { body: { email: `${name}-${of}@corp.test` } });
    expect((await invite('first')).status).toBe(201);
    const id = of === 'account' ? owner.userId : owner.organizationId;
    const key = hash('sha256', `${of} ${id}`, 'base64url');
    await api.query('update letter_counts set letters = $2 where key = $1', [key, most - 1]);
    expect([(await invite('last')).status, (await invite('more')).status]).toEqual([201, 429]);
    await api.query(`update letter_counts set until = now() where key = $1`, [key]);
    expect((await invite('next-day')).status).toBe(201);
  });

  it('say in their subject nothing that the sender chose, and make no link of a name', async () => {
    const owner = await api.owner('phisher');
    await owner.call('PATCH', `/api/v1/organizations/${owner.organizationId}`, {
      body: { name: 'Locked! Go to https://evil.example/now' },
    });
    await owner.call('POST', invitationsOf(owner.organizationId), { body: { email: 'phished@corp.test' } });
    const listed = await operator.call('GET', '/api/v1/outbox?limit=500');
    const mail = listed.list.find(({ recipient }) => recipient === 'phished@corp.test');
    expect(mail?.['subject']).toBe('Invitation to an organization on Hexabase AI');
    const { data } = await operator.call('GET', `/api/v1/outbox/${mail?.['id']}`);
    expect(data['text']).toContain('organization "Locked! Go to https evil. example/now" on');
  });
});

describe('the outbox', () => {
  it('is for operators only, and a letter lies sealed in the database', async () => {
    const rae = await api.owner('rae');
    await rae.call('POST', invitationsOf(rae.organizationId), { body: { email: 'sid@example.test' } });
    expect((await rae.call('GET', '/api/v1/outbox')).status).toBe(403);
    const code = await codeFor('sid@example.test');
    const [row] = await api.query(`select * from mails where recipient = 'sid@example.test'`);
    expect(JSON.stringify(row)).not.toContain(code);
    const [invitation] = await api.query(`select * from invitations where email = 'sid@example.test'`);
    expect(JSON.stringify(invitation)).not.toContain(code);
  });

  it('says who has read a letter: to the platform, to the organization that it is about, and to its addressee', async () => {
    const una = await api.owner('una');
    const vic = await api.person('vic');
    await una.call('POST', invitationsOf(una.organizationId), { body: { email: vic.email } });
    await codeFor(vic.email);
    const [mail] = await api.query('select id from mails where recipient = $1', [vic.email]);
    const read = { action: 'outbox.get', actorEmail: operator.email };
    const target = `outbox/${mail?.['id']}`;
    const logOf = async (who: Person, path: string) =>
      (await who.call('GET', `${path}?action=outbox.get`)).list[0];
    const ofUna = await logOf(una, `/api/v1/organizations/${una.organizationId}/audit`);
    expect(ofUna).toMatchObject({ ...read, target, details: { kind: 'invitation', recipient: vic.email } });
    expect(await logOf(vic, '/api/v1/audit')).toMatchObject({ ...read, target });
    expect(await logOf(operator, '/api/v1/platform/audit')).toMatchObject({
      ...read,
      details: { mail: mail?.['id'], recipient: vic.email, textShown: true },
    });
    expect(JSON.stringify(ofUna)).not.toContain('hks_inv_');
  });
});
