import { openMailText } from '@hexabase/postgres/mail-queue.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startApi, type Api } from './start-api.ts';

/** One mailbox is one person, however whoever names it writes its domain. */
let api: Api;
beforeAll(async () => {
  api = await startApi({ rateLimit: { burst: 5_000, perSecond: 1_000 } });
});
afterAll(() => api[Symbol.asyncDispose]());

async function codeFor(email: string): Promise<string> {
  const [row] = await api.query('select id, text_sealed as sealed from mails where recipient = $1', [email]);
  const mail = { id: String(row?.['id']), sealed: String(row?.['sealed']) };
  return /hks invitation accept (\S+)/.exec(openMailText(createKeyVault(api.db.masterKey), mail))?.[1] ?? '';
}

it('an invitation, a membership and a role are of the account that has the mailbox, in every spelling', async () => {
  const owner = await api.owner('of-domains');
  const organization = `/api/v1/organizations/${owner.organizationId}`;
  const email = 'who@xn--bcher-kva.example';
  const person = await api.person('who');
  await api.query('update users set email = $2 where id = $1', [person.userId, email]);
  const invite = (to: string) =>
    owner.call('POST', `${organization}/invitations`, { body: { email: to, role: 'viewer' } });
  const made = await invite(' Who@BU\u0308CHER.example.');
  expect([made.status, made.data['email']]).toEqual([201, email]);
  expect((await invite('who@ｂücher.example')).error.code).toBe('already_exists');
  const accepted = await person.call('POST', '/api/v1/invitations/accept', {
    body: { invitation: await codeFor(email) },
  });
  expect(accepted.status, accepted.text).toBe(200);
  expect((await invite('who@bücher.example')).error.code).toBe('already_exists');
  const again = { email: 'who@bücher.example', role: 'viewer' };
  expect((await owner.call('POST', `${organization}/members`, { body: again })).error.code).toBe(
    'already_exists',
  );
  const member = `${organization}/members/${encodeURIComponent('who@BÜCHER.example')}`;
  const lowered = await owner.call('PATCH', member, { body: { role: 'billing' } });
  expect(lowered.status, lowered.text).toBe(200);
  expect([lowered.status, lowered.data['userId']]).toEqual([200, person.userId]);
});

it('who is named as they are spelled is meant, and not the other account of the mailbox', async () => {
  const owner = await api.owner('of-two-accounts');
  const people = await Promise.all([api.person('two-old'), api.person('two-new')]);
  const members = `/api/v1/organizations/${owner.organizationId}/members`;
  const spellings = ['two@b\u00fccher.example', 'two@xn--bcher-kva.example'] as const;
  for (const [index, { userId }] of people.entries()) {
    await api.query('update users set email = $2 where id = $1', [userId, spellings[index]]);
    await api.query("insert into memberships (organization_id, user_id, role) values ($1, $2, 'viewer')", [
      owner.organizationId,
      userId,
    ]);
  }
  const removed = await owner.call('DELETE', `${members}/${encodeURIComponent(spellings[0])}`);
  expect(removed.status, removed.text).toBe(200);
  const left = (await owner.call('GET', members)).list.map((one) => one['userId']);
  expect(left).not.toContain(people[0].userId);
  expect(left).toContain(people[1].userId);
});

it('what is no domain in any spelling is no address', async () => {
  const owner = await api.owner('of-no-domains');
  const path = `/api/v1/organizations/${owner.organizationId}/invitations`;
  for (const email of ['a@bü／cher.example', 'a@bücher:80', 'a@b%ü.example', 'a@。', 'a@.']) {
    const refused = await owner.call('POST', path, { body: { email } });
    expect([email, refused.status]).toEqual([email, 400]);
  }
});
