import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tokenGroupsMax } from '@hexabase/authz/effective-access.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startProduct, type Attacked, type Person, type Tenant } from '../attacks/start-product.ts';
import { kubectls, run } from './programs.ts';

const [kubectl] = Object.values(kubectls());

/** The longest token that is given goes through every server on its way, with a real kubectl. */
describe.skipIf(kubectl === undefined)('a token that names as many groups as there may be', () => {
  let product: Attacked;
  let ann: Tenant;
  let member: Person;
  let folder: string;
  const groupIds = Array.from({ length: tokenGroupsMax - 2 }, () => newId<'Group'>());

  beforeAll(async () => {
    product = await startProduct();
    folder = await mkdtemp(join(tmpdir(), 'hks-full-token-'));
    ann = await product.tenant('ann');
    member = await product.person('member');
    const members = `/api/v1/organizations/${ann.organizationId}/members`;
    await ann.call('POST', members, { email: member.email, role: 'viewer' });
    await product.query(
      `insert into groups (id, organization_id, name) select id, $2, id from unnest($1::text[]) id`,
      [groupIds, ann.organizationId],
    );
    await product.query(
      `insert into group_members (group_id, user_id, organization_id) select id, $2, $3 from unnest($1::text[]) id`,
      [groupIds, member.userId, ann.organizationId],
    );
    await product.query(
      `insert into role_assignments (id, organization_id, workspace_id, preset, group_id, created_by, created_at)
       select id, $2, $3, 'viewer', id, $4, now() from unnest($1::text[]) id`,
      [groupIds, ann.organizationId, ann.workspaceId, ann.userId],
    );
    // As long as an address can be.
    const email = `${'漢'.repeat(64)}@${'a'.repeat(189)}`;
    await product.query('update users set email = $2 where id = $1', [member.userId, email]);
  });
  afterAll(async () => {
    await product?.[Symbol.asyncDispose]();
    if (folder) await rm(folder, { recursive: true });
  });

  it('gets a real kubectl to the cluster', async () => {
    const token = await product.kubeToken(member, ann.workspaceId);
    const [, claims = ''] = token.split('.');
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString()).groups).toHaveLength(tokenGroupsMax);
    const authority = join(folder, 'ca.pem');
    await writeFile(authority, product.gateway.certificateAuthority);
    const server = `${product.gateway.url}/k8s/workspaces/${ann.workspaceId}`;
    const args = [
      '--server',
      server,
      '--certificate-authority',
      authority,
      '--token',
      token,
      '--cache-dir',
      folder,
    ];
    const { code, stdout, stderr } = await run(kubectl ?? '', [...args, 'auth', 'can-i', 'get', 'pods'], {
      env: { HOME: folder, KUBECONFIG: join(folder, 'none') },
    });
    expect([code, stdout.trim(), stderr]).toEqual([0, 'yes', '']);
  });
});
