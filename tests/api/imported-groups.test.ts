import { newId } from '@hexabase/kernel/id.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { importGroups } from '@hexabase/oidc/upstream/import-groups.ts';
import { readProvider } from '@hexabase/oidc/upstream/provider-input.ts';
import { removeProvider, saveProvider } from '@hexabase/oidc/upstream/provider-store.ts';
import { until } from '@hexabase/testkit/given.ts';
import { waitingForLocks } from '@hexabase/testkit/waiting-for-locks.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type Api } from './start-api.ts';

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api[Symbol.asyncDispose]());

/** An organization with a member, and a provider that is bound to it. */
async function bound(name: string) {
  const owner = await api.owner(name);
  const { organizationId, organizationSlug } = owner;
  const member = await api.person(`${name}-member`);
  await api.join(organizationId, member, 'viewer');
  const groups = `/api/v1/organizations/${organizationId}/groups`;
  await owner.call('POST', groups, { body: { name: 'everyone' } });
  const input = readProvider(
    {
      name,
      issuer: 'https://login.acme.example',
      clientId: 'hexabase',
      clientSecret: 'secret',
      groups: { claim: 'groups', organization: organizationSlug, parent: 'everyone' },
    },
    { fromFile: false },
  );
  const { database, masterKey } = api.db;
  const nowMs = Date.now();
  await database.asIdentity((tx) => saveProvider(tx, createKeyVault(masterKey), { input, nowMs }));
  const [row] = await api.query('select id from identity_providers where name = $1', [name]);
  const said = { providerId: String(row?.['id']), userId: member.userId };
  return {
    owner,
    member,
    groups,
    /** As at the end of a sign-in. */
    signIn: (...values: string[]) =>
      database.asIdentity((tx) => importGroups(tx, { ...said, claim: { values, unfit: 0 } }, Date.now())),
    /** The same, with something that happens before the sign-in is committed. */
    during: <T>(values: string[], meanwhile: () => Promise<T>) =>
      database.asIdentity(async (tx) => {
        await importGroups(tx, { ...said, claim: { values, unfit: 0 } }, Date.now());
        return meanwhile();
      }),
    remove: () => database.asIdentity((tx) => removeProvider(tx, name)),
  };
}

describe('members of groups from an identity provider', () => {
  it('are shown with it, also from above, and are in the log that their organization reads', async () => {
    const { owner, member, groups, signIn } = await bound('shown');
    await signIn('platform');
    for (const [group, through] of [
      ['platform', null],
      ['everyone', 'platform'],
    ]) {
      const listed = await owner.call('GET', `${groups}/${group}/members`);
      expect(listed.list).toMatchObject([{ userId: member.userId, through, source: 'shown' }]);
    }
    const log = await owner.call(
      'GET',
      `/api/v1/organizations/${owner.organizationId}/audit?action=auth.groups`,
    );
    expect(log.list).toMatchObject([
      { action: 'auth.groups', details: { provider: 'shown', added: ['platform'] } },
    ]);
  });

  it('whom somebody adds by hand stay when the provider takes them back', async () => {
    const { owner, member, groups, signIn, remove } = await bound('stays');
    await signIn('platform', 'ops');
    const added = await owner.call('POST', `${groups}/platform/members`, { body: { user: member.userId } });
    expect([added.status, added.data['source']]).toEqual([201, null]);
    const again = await owner.call('POST', `${groups}/platform/members`, { body: { user: member.userId } });
    expect(again.error.code).toBe('already_exists');
    await signIn();
    await remove();
    const listed = await owner.call('GET', `${groups}/everyone/members`);
    expect(listed.list).toMatchObject([{ userId: member.userId, through: 'platform', source: null }]);
    expect((await owner.call('GET', `${groups}/ops`)).status).toBe(404);
  });

  it('who have left the organization are brought back into nothing', async () => {
    const { owner, member, signIn } = await bound('left');
    await signIn('platform');
    const path = `/api/v1/organizations/${owner.organizationId}/members/${member.userId}`;
    expect((await owner.call('DELETE', path)).status).toBe(200);
    await signIn('platform');
    // Behind row-level security: the owner would not see a stranger in the list.
    expect(await api.query('select from group_members where user_id = $1', [member.userId])).toEqual([]);
  });

  it('who are taken out of the organization while they sign in keep no place in a group for later', async () => {
    const { owner, member, groups, signIn, during } = await bound('meanwhile');
    // The group is there already: making it would hold the organization, and nobody could be taken out of that meanwhile.
    await signIn('ops');
    await signIn();
    const path = `/api/v1/organizations/${owner.organizationId}/members/${member.userId}`;
    const removing = await during(['ops'], async () => {
      const removal = owner.call('DELETE', path);
      await until(async () => (await api.query(waitingForLocks)).length > 0);
      return { removal };
    });
    expect((await removing.removal).status).toBe(200);
    expect(await api.query('select from group_members where user_id = $1', [member.userId])).toEqual([]);
    await api.join(owner.organizationId, member, 'viewer');
    expect((await owner.call('GET', `${groups}/everyone/members`)).list).toEqual([]);
  });

  it('lose the role of a group that goes with its provider, in the clusters too', async () => {
    const { owner, groups, signIn, remove } = await bound('roles');
    await signIn('platform');
    const made = await owner.call('GET', `${groups}/platform`);
    const workspaceId = newId<'Workspace'>();
    await api.query(
      `insert into workspaces (id, uid, organization_id, slug, name, plan, region, isolation)
        values ($1, $1, $2, 'roles-team', 'Team', 'starter', 'local', 'shared')`,
      [workspaceId, owner.organizationId],
    );
    await api.query(
      `insert into role_assignments (id, organization_id, workspace_id, preset, group_id) values ($1, $2, $1, 'admin', $3)`,
      [workspaceId, owner.organizationId, made.data['id']],
    );
    await remove();
    expect(await api.query('select from role_assignments where workspace_id = $1', [workspaceId])).toEqual(
      [],
    );
    const wished = `select key from reconcile_queue where kind = 'workspace-access' and key = $1`;
    expect(await api.query(wished, [workspaceId])).toHaveLength(1);
  });
});
