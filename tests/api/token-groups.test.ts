import { tokenGroupsMax } from '@hexabase/authz/effective-access.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type Answer, type Api, type Person } from './start-api.ts';

/** A token for a cluster names groups, and travels in a header that no server takes at any length. */
let api: Api;
let ann: Person & { organizationId: string };
let workspaceId: string;
let full: Person;
const groupIds = Array.from({ length: tokenGroupsMax }, () => newId<'Group'>());

beforeAll(async () => {
  api = await startApi({ rateLimit: { burst: 5_000, perSecond: 1_000 } });
  ann = await api.owner('ann');
  const { data } = await ann.call('POST', '/api/v1/workspaces', { body: { name: 'Ann one' } });
  workspaceId = String(data['id']);
  await api.activate(workspaceId);
  // Those of the organization that are bound nowhere are in no token.
  const idle = Array.from({ length: 3_000 }, () => newId<'Group'>());
  await api.query(
    `insert into groups (id, organization_id, name) select id, $2, id from unnest($1::text[]) id`,
    [[...groupIds, ...idle], ann.organizationId],
  );
  await api.query(
    `insert into role_assignments (id, organization_id, workspace_id, preset, group_id, created_by, created_at)
     select id, $2, $3, 'viewer', id, $4, now() from unnest($1::text[]) id`,
    [groupIds, ann.organizationId, workspaceId, ann.userId],
  );
  full = await inGroups('full', 'viewer', [...groupIds.slice(0, tokenGroupsMax - 2), ...idle]);
});
afterAll(() => api[Symbol.asyncDispose]());

async function inGroups(name: string, role: 'viewer' | 'admin', ids: readonly string[]): Promise<Person> {
  const person = await api.person(name);
  await api.join(ann.organizationId, person, role);
  await api.query(
    `insert into group_members (group_id, user_id, organization_id) select id, $2, $3 from unnest($1::text[]) id`,
    [ids, person.userId, ann.organizationId],
  );
  return person;
}

const mint = (person: Person) => person.call('POST', `/api/v1/workspaces/${workspaceId}/kube-token`);

function groupsOf({ data }: Answer): string[] {
  const [, claims = ''] = String(data['token']).split('.');
  return JSON.parse(Buffer.from(claims, 'base64url').toString()).groups;
}

describe('a token of somebody in thousands of groups', () => {
  it('names those alone that were given something in its workspace', async () => {
    const minted = await mint(full);
    expect(minted.status, minted.text).toBe(201);
    expect(groupsOf(minted)).toHaveLength(tokenGroupsMax);
    expect(groupsOf(minted)).toContain(`hexabase:group:${groupIds[0]}`);
  });

  it('leaves a quarter of the 16 KB that web servers take for everything else in a request', async () => {
    const { data } = await mint(full);
    expect(`Authorization: Bearer ${data['token']}`.length).toBeLessThan(12 * 1024);
  });

  it('is refused, and told of, as soon as it would name one more', async () => {
    const over = await inGroups('over', 'viewer', groupIds.slice(0, tokenGroupsMax - 1));
    const refused = await mint(over);
    expect([refused.status, refused.error.code]).toEqual([409, 'conflict']);
    expect(refused.error.message).toContain(
      `would name ${tokenGroupsMax + 1} groups, and names ${tokenGroupsMax} at most`,
    );
    expect(refused.error.message).toContain(
      'Ask an administrator to give roles here to fewer of your groups',
    );
    const asked = `/api/v1/workspaces/${workspaceId}/access?user=${over.userId}&verb=get&resource=pods`;
    const explained = await ann.call('GET', asked);
    expect(explained.data).toMatchObject({
      withheld: expect.stringContaining(`would name ${tokenGroupsMax + 1} groups`),
      decision: { allowed: false, words: expect.stringContaining('although a role allows it') },
    });
    const body = { user: over.userId };
    const seen = await ann.call('POST', `/api/v1/workspaces/${workspaceId}/access/view-as`, { body });
    expect(seen.data['withheld']).toContain('fewer of their groups');
    await api.query('delete from group_members where user_id = $1 and group_id = $2', [
      over.userId,
      groupIds[0],
    ]);
    await api.query('select hexabase.revoke_user($1)', [over.userId]);
    expect((await mint(over)).status).toBe(201);
  });

  it('shuts no administrator out: what they may is in one group', async () => {
    const admin = await inGroups('chief', 'admin', groupIds);
    const minted = await mint(admin);
    expect(minted.status, minted.text).toBe(201);
    expect(groupsOf(minted)).toEqual(['hexabase:ws-admins', 'hexabase:ws-members']);
  });
});
