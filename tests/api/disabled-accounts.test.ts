import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type Api, type Person } from './start-api.ts';

/** Accounts that an operator has disabled, in the eyes of the organizations that they are still members of. */
let api: Api;
let ann: Person & { organizationId: string };
let gone: Person;
let workspaceId: string;

beforeAll(async () => {
  api = await startApi();
  ann = await api.owner('ann');
  gone = await api.person('gone');
  await api.join(ann.organizationId, gone, 'owner');
  const made = await ann.call('POST', '/api/v1/workspaces', { body: { name: 'Ann one' } });
  workspaceId = String(made.data['id']);
  await api.activate(workspaceId);
  await disable(gone);
});
afterAll(() => api[Symbol.asyncDispose]());

const disable = ({ userId }: Person) =>
  api.query('update users set disabled_at = now() where id = $1', [userId]);
const at = (path: string) => `/api/v1/organizations/${ann.organizationId}${path}`;
const access = (path: string) => `/api/v1/workspaces/${workspaceId}/access${path}`;

describe('a disabled account', () => {
  it('is shown in the list of members', async () => {
    const { list } = await ann.call('GET', at('/members'));
    expect(list.map(({ email, disabled }) => [email, disabled])).toEqual([
      [ann.email, false],
      [gone.email, true],
    ]);
  });

  it('may do nothing: the explanation says why, with the roles that it would have', async () => {
    const { data } = await ann.call('GET', access(`?user=${gone.email}&verb=create&resource=pods`));
    expect(data['decision']).toMatchObject({
      allowed: false,
      words: expect.stringContaining('account is disabled'),
    });
    expect(data['withheld']).toContain('account is disabled');
    expect(data['grants']).toHaveLength(1);
    const seen = await ann.call('POST', access('/view-as'), { body: { user: gone.email } });
    expect(seen.data['withheld']).toContain('account is disabled');
  });

  it('is none of those who can do something', async () => {
    const { list } = await ann.call('GET', access('/who-can?verb=create&resource=pods'));
    expect(new Set(list.map(({ email }) => email))).toEqual(new Set([ann.email]));
  });

  it('is not given the organization', async () => {
    const answer = await ann.call('POST', at('/transfer'), { body: { to: gone.email } });
    expect([answer.status, answer.error.code]).toEqual([409, 'conflict']);
    expect(answer.error.message).toContain('disabled');
  });

  it('is no owner that stays when another leaves, is removed or lowered', async () => {
    const leaving = await ann.call('POST', at('/leave'));
    const lowered = await ann.call('PATCH', at(`/members/${ann.userId}`), { body: { role: 'admin' } });
    const removed = await ann.call('DELETE', at(`/members/${ann.userId}`));
    expect([leaving, lowered, removed].map(({ error }) => error.code)).toEqual([
      'last_owner',
      'last_owner',
      'last_owner',
    ]);
  });

  it('is lowered and removed by the owner who is left', async () => {
    const old = await api.person('old');
    await api.join(ann.organizationId, old, 'owner');
    await disable(old);
    const path = at(`/members/${old.userId}`);
    expect((await ann.call('PATCH', path, { body: { role: 'viewer' } })).status).toBe(200);
    expect((await ann.call('DELETE', path)).status).toBe(200);
  });
});
