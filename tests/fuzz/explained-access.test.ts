import { parseResource } from '@hexabase/contract/rules/rule-text.ts';
import { until } from '@hexabase/testkit/given.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer } from '../attacks/exchange.ts';
import { fresh, startProduct, type Attacked, type Tenant } from '../attacks/start-product.ts';

/** Somebody, and how they ask for a token of the cluster. */
interface Somebody {
  email: string;
  userId: string;
  kube: () => Promise<string>;
}

interface Wish {
  verb: string;
  resource: string;
  project?: string;
  name?: string;
}

let product: Attacked;
let ann: Tenant;
const people = new Map<string, Somebody>();
const at = (path: string): string => `/api/v1/workspaces/${ann.workspaceId}/${path}`;
const inOrganization = (path: string): string => `/api/v1/organizations/${ann.organizationId}/${path}`;

async function done(method: string, path: string, body?: object): Promise<Answer['json']> {
  const answer = await ann.call(method, path, body);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.text}`);
  return answer.json['data'];
}

async function member(name: string, role: string): Promise<void> {
  const person = await product.person(fresh(name));
  await done('POST', inOrganization('members'), { email: person.email, role });
  people.set(name, { ...person, kube: () => product.kubeToken(person, ann.workspaceId) });
}

const emailOf = (name: string): string => people.get(name)?.email ?? '';

async function robot(name: string, role: string): Promise<void> {
  const made = await done('POST', inOrganization('service-accounts'), { name, role });
  const path = inOrganization(`service-accounts/${String(made['id'])}/tokens`);
  const { token } = await done('POST', path, { name: 'job', scope: 'write', expires: '1d' });
  const kube = async () => {
    const answer = await product.send({ method: 'POST', path: at('kube-token'), token: String(token) });
    return String(answer.json['data'].token);
  };
  people.set(name, { email: String(made['email']), userId: String(made['id']), kube });
}

/** Rights of every kind, in a tree of groups. */
async function give(): Promise<void> {
  for (const name of ['shop', 'bank']) await done('POST', at('projects'), { name });
  for (const name of ['shop', 'bank'])
    await until(async () => (await ann.call('GET', at(`projects/${name}`))).json['data'].phase === 'active');
  const roles: [string, string][] = [
    ['viewer', 'viewer'],
    ['developer', 'developer'],
    ['admin', 'admin'],
    ['nested', 'viewer'],
    ['custom', 'viewer'],
    ['given', 'viewer'],
    ['billing', 'billing'],
  ];
  for (const [name, role] of roles) await member(name, role);
  await robot('robot', 'viewer');
  const parents: [string, string | undefined][] = [
    ['top', undefined],
    ['middle', 'top'],
    ['low', 'middle'],
  ];
  for (const [name, parent] of parents)
    await done('POST', inOrganization('groups'), { name, ...(parent && { parent }) });
  for (const name of ['nested', 'billing'])
    await done('POST', inOrganization('groups/low/members'), { user: emailOf(name) });
  const core = (resources: string[], verbs: string[], resourceNames: string[] = []) => ({
    verbs,
    apiGroups: [''],
    resources,
    resourceNames,
  });
  const rules = [
    { verbs: ['get', 'patch'], apiGroups: ['apps'], resources: ['deployments'] },
    core(['secrets'], ['get'], ['settings']),
    core(['pods/log'], ['get']),
  ];
  await done('POST', at('roles'), { name: 'restarter', scope: 'project', rules });
  await done('POST', at('roles'), {
    name: 'reader',
    scope: 'workspace',
    rules: [core(['secrets'], ['list'])],
  });
  const assignments = [
    { role: 'developer', project: 'shop', group: 'top' },
    { role: 'restarter', project: 'shop', user: emailOf('custom') },
    { role: 'reader', group: 'middle' },
    { role: 'admin', project: 'bank', user: emailOf('given') },
    { role: 'developer', project: 'bank', user: emailOf('robot') },
  ];
  for (const body of assignments) await done('POST', at('assignments'), body);
}

const wishes: readonly Wish[] = ['shop', 'bank', undefined].flatMap((project) =>
  [
    { verb: 'get', resource: 'pods' },
    { verb: 'get', resource: 'pods/log' },
    { verb: 'create', resource: 'pods/exec' },
    { verb: 'create', resource: 'deployments' },
    { verb: 'patch', resource: 'deployments' },
    { verb: 'list', resource: 'secrets' },
    { verb: 'get', resource: 'secrets' },
    { verb: 'get', resource: 'secrets', name: 'settings' },
    { verb: 'delete', resource: 'resourcequotas' },
    { verb: 'create', resource: 'rolebindings' },
    { verb: 'delete', resource: 'networkpolicies' },
    { verb: 'create', resource: 'widgets.example.com' },
  ].map((wish) => ({ ...wish, ...(project && { project }) })),
);

/** What the cluster itself says to the person. */
async function said(token: string, wish: Wish): Promise<boolean> {
  const { group, resource, subresource } = parseResource(wish.resource);
  const { verb, project = '', name = '' } = wish;
  const resourceAttributes = { verb, group, resource, subresource, namespace: project, name };
  const answer = await product.kube(ann.workspaceId, {
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    token,
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes },
    },
  });
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.json['status'].allowed;
}

const query = (asked: Record<string, string | undefined>): string =>
  new URLSearchParams(
    Object.entries(asked).flatMap(([key, value]) => (value ? [[key, value]] : [])),
  ).toString();

beforeAll(async () => {
  product = await startProduct();
  ann = await product.tenant('ann');
  await give();
  people.set('owner', { ...ann, kube: async () => ann.kubeToken });
  // Bindings follow within moments.
  const nested = people.get('nested');
  await until(
    async () =>
      nested &&
      (await said(await nested.kube(), { verb: 'create', resource: 'deployments', project: 'shop' })),
  );
  const robotIn = people.get('robot');
  await until(
    async () =>
      robotIn &&
      (await said(await robotIn.kube(), { verb: 'create', resource: 'deployments', project: 'bank' })),
  );
}, 120_000);
afterAll(() => product?.[Symbol.asyncDispose]());

const isExplained = async (userId: string, wish: Wish): Promise<boolean> =>
  (await done('GET', at(`access?${query({ ...wish, user: userId })}`)))['decision'].allowed;

describe('who may do what', () => {
  it('is explained as the cluster decides it, for every kind of right and of person', async () => {
    const differing: unknown[] = [];
    let allowed = 0;
    for (const [who, { userId, kube }] of people) {
      // Who looks after the bills gets no token at all.
      const token = who === 'billing' ? null : await kube();
      for (const wish of wishes) {
        const explained = await isExplained(userId, wish);
        const inCluster = token !== null && (await said(token, wish));
        if (explained) allowed += 1;
        if (explained !== inCluster) differing.push([who, wish, { explained, inCluster }]);
      }
    }
    expect(differing).toEqual([]);
    expect(allowed).toBeGreaterThan(60);
  }, 120_000);

  it('is listed as it is explained', async () => {
    for (const wish of wishes) {
      const holders = (await ann.call('GET', at(`access/who-can?${query({ ...wish })}`))).text;
      for (const [who, { userId }] of people)
        expect([who, wish, holders.includes(userId)]).toEqual([who, wish, await isExplained(userId, wish)]);
    }
  }, 120_000);
});
