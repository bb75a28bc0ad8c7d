import { until } from '@hexabase/testkit/given.ts';
import { fresh, type Attacked, type Person, type Tenant } from './start-product.ts';

/** One of everything that a tenant can have, by the names that paths give them. */
export async function thingsOf(product: Attacked, tenant: Tenant): Promise<Record<string, string>> {
  const made = async (path: string, body: object): Promise<string> => {
    const answer = await tenant.call('POST', path, body);
    if (answer.status !== 201) throw new Error(`${path}: ${answer.text}`);
    return String(answer.json['data'].id);
  };
  const workspace = `/api/v1/workspaces/${tenant.workspaceId}`;
  const organization = `/api/v1/organizations/${tenant.organizationId}`;
  const projects = `${workspace}/projects`;
  const project = await made(projects, { name: fresh('p') });
  await until(
    async () => (await tenant.call('GET', `${projects}/${project}`)).json['data'].phase === 'active',
  );
  const member = await product.person(fresh('member'));
  const added = await tenant.call('POST', `${organization}/members`, { email: member.email, role: 'viewer' });
  if (added.status !== 201) throw new Error(added.text);
  const group = await made(`${organization}/groups`, { name: fresh('g') });
  await tenant.call('POST', `${organization}/groups/${group}/members`, { user: member.userId });
  const serviceAccount = await made(`${organization}/service-accounts`, { name: fresh('sa') });
  const rules = [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }];
  const [operation] = await product.query('select id from operations where organization_id = $1', [
    tenant.organizationId,
  ]);
  return {
    organization: tenant.organizationId,
    workspace: tenant.workspaceId,
    project,
    operation: operation?.['id'],
    userId: member.userId,
    group,
    serviceAccount,
    factor: await made('/api/v1/second-factors/totp', { name: fresh('t') }),
    federation: await made(`${organization}/federations`, {
      name: fresh('f'),
      serviceAccount,
      issuer: 'https://ci.example.test',
      audience: 'https://hexabase.example.test',
      conditions: ['repository=acme/shop'],
      scope: 'read',
    }),
    grant: await made(`${organization}/grants`, {
      operator: (await operatorOf(product)).email,
      reason: 'One of everything',
    }),
    role: await made(`${workspace}/roles`, { name: fresh('r'), rules }),
    assignment: await made(`${workspace}/assignments`, { role: 'viewer', user: member.userId }),
    invitationId: await made(`${organization}/invitations`, { email: `${fresh('i')}@example.test` }),
  };
}

/** As if half a minute had passed: each code of an authenticator app works once. */
export async function forgetCode(product: Attacked, { userId }: Pick<Person, 'userId'>): Promise<void> {
  await product.query('update second_factors set last_step = 0 where user_id = $1', [userId]);
}

/** Somebody with the platform role. */
export async function operatorOf(product: Attacked): Promise<Person> {
  const person = await product.person(fresh('operator'));
  await product.query(`update users set platform_role = 'super_admin' where id = $1`, [person.userId]);
  return person;
}
