import { createHmac } from 'node:crypto';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { until } from '@hexabase/testkit/given.ts';
import { testIssuer, type TestIssuer } from '@hexabase/testkit/test-issuer.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fresh, startProduct, type Attacked, type Tenant } from './start-product.ts';

/** Jobs of a CI system come in with the tokens that it signs, and others' jobs do not. */
let product: Attacked;
let ci: TestIssuer;
/** Another installation of the same CI system, with keys of its own. */
let elsewhere: TestIssuer;
let ann: Tenant;
let eve: Tenant;
let account: { id: string; email: string };
const audience = 'https://hexabase.example';
const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange';

beforeAll(async () => {
  [ci, elsewhere] = await Promise.all([testIssuer(), testIssuer()]);
  setDefaultCACertificates([
    ...getCACertificates('default'),
    ci.certificateAuthority,
    elsewhere.certificateAuthority,
  ]);
  product = await startProduct(undefined, { federationPrivateIssuers: new URL(ci.issuer).host });
  ann = await product.tenant('ann');
  eve = await product.tenant('eve');
  const made = await ann.call('POST', at(ann, 'service-accounts'), { name: fresh('sa'), role: 'developer' });
  account = made.json['data'];
  await trust({ scope: `workspace:${ann.workspaceSlug}` });
});
afterAll(async () => {
  await product?.[Symbol.asyncDispose]();
  await ci?.[Symbol.asyncDispose]();
  await elsewhere?.[Symbol.asyncDispose]();
});

const at = (tenant: Tenant, what: string) => `/api/v1/organizations/${tenant.organizationId}/${what}`;

async function trust(more: object, tenant = ann): Promise<{ path: string; status: number; text: string }> {
  const name = fresh('f');
  const { status, text, json } = await tenant.call('POST', at(tenant, 'federations'), {
    name,
    serviceAccount: account.email,
    issuer: ci.issuer,
    audience,
    conditions: ['repository=acme/shop', 'ref=refs/heads/*'],
    scope: 'read',
    ...more,
  });
  return { path: `${at(tenant, 'federations')}/${json['data']?.id}`, status, text };
}

/** A token as GitHub Actions signs them. */
function job(claims: Record<string, unknown> = {}): Record<string, unknown> {
  const now = Math.floor(Date.now() / 1000);
  return {
    iss: ci.issuer,
    aud: audience,
    sub: 'repo:acme/shop:ref:refs/heads/main',
    repository: 'acme/shop',
    ref: 'refs/heads/main',
    jti: crypto.randomUUID(),
    iat: now,
    nbf: now,
    exp: now + 300,
    ...claims,
  };
}

const exchange = (token: string, serviceAccount = account.email, more: Record<string, string> = {}) =>
  product.send({
    method: 'POST',
    path: '/auth/token',
    headers: ['Content-Type', 'application/x-www-form-urlencoded'],
    body: new URLSearchParams({
      grant_type: grantType,
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      subject_token: token,
      audience: serviceAccount,
      ...more,
    }).toString(),
  });

const refusal = {
  error: 'invalid_grant',
  error_description: 'The token is not one that this service account takes.',
};

async function expectRefused(token: string, serviceAccount?: string): Promise<void> {
  const answer = await exchange(token, serviceAccount);
  expect([answer.status, answer.json]).toEqual([400, refusal]);
}

const exchanges = (outcome: string) =>
  product.query(
    `select actor_email, address, request_id, details from audit_entries where action = 'federation.exchange' and organization_id = $1
       and outcome = $2 order by id`,
    [ann.organizationId, outcome],
  );

const base64 = (part: unknown) => Buffer.from(JSON.stringify(part)).toString('base64url');

describe('a job of the repository', () => {
  test('gets a token of the service account for 15 minutes, works with API and cluster, and is in the log', async () => {
    const token = ci.sign(job());
    const answer = await exchange(token);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.json).toEqual({
      access_token: expect.stringMatching(/^hks_sat_/),
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      token_type: 'Bearer',
      expires_in: 900,
      scope: `workspace:${ann.workspaceId}`,
    });
    expect(answer.headers['cache-control']).toBe('no-store');
    const given = String(answer.json['access_token']);
    const [row] = await product.query(
      `select extract(epoch from expires_at - created_at)::integer as seconds from api_tokens order by created_at desc limit 1`,
    );
    expect(row?.['seconds']).toBe(900);
    const projects = `/api/v1/workspaces/${ann.workspaceId}/projects`;
    const made = await product.send({
      method: 'POST',
      path: projects,
      token: given,
      body: { name: fresh('p') },
    });
    expect(made.status, made.text).toBe(201);
    const minted = await product.send({
      method: 'POST',
      path: `/api/v1/workspaces/${ann.workspaceId}/kube-token`,
      token: given,
    });
    const reviewed = await product.kube(ann.workspaceId, {
      method: 'POST',
      path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
      token: minted.json['data'].token,
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
    });
    expect(reviewed.json['status'].userInfo.username).toBe(`hexabase:${account.email}`);
    const [entry] = (await exchanges('allowed')).slice(-1);
    expect(entry).toMatchObject({
      actor_email: account.email,
      address: expect.stringMatching(/^(127\.0\.0\.1|::1)$/),
      request_id: expect.stringMatching(/.{20}/),
      details: { issuer: ci.issuer, subject: 'repo:acme/shop:ref:refs/heads/main' },
    });
    expect(JSON.stringify(entry)).not.toContain(given);
  });

  test('A09 a job of a repository loses what it got, and its cluster, when the rule goes', async () => {
    const rule = await trust({ conditions: ['repository=acme/other'], scope: 'write' });
    const { json } = await exchange(ci.sign(job({ repository: 'acme/other' })));
    const token = String(json['access_token']);
    const kube = await product.send({
      method: 'POST',
      path: `/api/v1/workspaces/${ann.workspaceId}/kube-token`,
      token,
    });
    const pods = { path: '/api/v1/namespaces/default/pods', token: String(kube.json['data'].token) };
    expect((await product.kube(ann.workspaceId, pods)).status).toBe(200);
    expect((await ann.call('DELETE', rule.path)).status).toBe(204);
    expect((await product.send({ path: '/api/v1/organizations', token })).status).toBe(401);
    await until(async () => (await product.kube(ann.workspaceId, pods)).status === 401);
    await expectRefused(ci.sign(job({ repository: 'acme/other' })));
  });
});

describe('a token that is not one of those', () => {
  const now = Math.floor(Date.now() / 1000);
  test.each<[string, Record<string, unknown>]>([
    ['of another repository', { repository: 'acme/shop2' }],
    ['of a repository whose name only begins so', { repository: 'acme/shop-evil' }],
    ['of another owner', { repository: 'evil/acme/shop' }],
    ['of a branch below the pattern', { ref: 'refs/heads/feature/x' }],
    ['of a pull request', { ref: 'refs/pull/1/merge' }],
    ['with a list where a text is asked', { repository: ['acme/shop'] }],
    ['without the claim', { repository: undefined }],
    ['for another audience', { aud: 'https://other.example' }],
    ['for several audiences', { aud: [audience, 'https://other.example'] }],
    ['without an audience', { aud: undefined }],
    ['that has expired', { iat: now - 900, nbf: now - 900, exp: now - 300 }],
    ['that never expires', { exp: undefined }],
    ['without a time', { iat: undefined }],
    ['of tomorrow', { iat: now + 86_400, nbf: now + 86_400, exp: now + 87_000 }],
    ['not valid yet', { nbf: now + 600 }],
    ['of long ago', { iat: now - 200_000, nbf: now - 200_000 }],
  ])('B06 a job’s token %s is refused', async (_which, claims) => expectRefused(ci.sign(job(claims))));

  test('B06 a job’s token of an issuer with a suffix or another spelling is refused', async () => {
    for (const iss of [
      `${ci.issuer}/`,
      `${ci.issuer}.evil.example`,
      `${ci.issuer}@evil.example`,
      ci.issuer.toUpperCase(),
    ])
      await expectRefused(ci.sign(job({ iss })));
  });

  test('B06 a job’s token of another issuer that signs the same words is refused', async () => {
    await expectRefused(elsewhere.sign(job()));
    await expectRefused(elsewhere.sign(job({ iss: elsewhere.issuer })));
  });

  test('B06 a job’s token with alg none, HS256 with the public key, another alg, or a key that it brings along is refused', async () => {
    const none = { alg: 'none', typ: 'JWT' };
    await expectRefused(`${base64(none)}.${base64(job())}.`);
    await expectRefused(`${base64(none)}.${base64(job())}.AAAA`);
    const good = ci.sign(job());
    const [head = ''] = good.split('.');
    const { kid } = JSON.parse(Buffer.from(head, 'base64url').toString());
    const text = `${base64({ alg: 'HS256', kid, typ: 'JWT' })}.${base64(job())}`;
    await expectRefused(`${text}.${createHmac('sha256', ci.publicKey()).update(text).digest('base64url')}`);
    await expectRefused(ci.sign(job(), { alg: 'RS1' }));
    await expectRefused(ci.sign(job(), { kid: undefined }));
    await expectRefused(ci.sign(job(), { jku: `${elsewhere.issuer}/jwks` }));
    await expectRefused(ci.sign(job(), { crit: ['exp'] }));
    const [, payload = '', signature = ''] = good.split('.');
    const edited = base64({
      ...JSON.parse(Buffer.from(payload, 'base64url').toString()),
      ref: 'refs/heads/x',
    });
    await expectRefused(`${head}.${edited}.${signature}`);
  });

  test('B03 a job’s token is used once, also by many at once', async () => {
    const token = ci.sign(job());
    const answers = await Promise.all(Array.from({ length: 8 }, () => exchange(token)));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array(7).fill(400)]);
    await expectRefused(token);
    const reasons = (await exchanges('denied')).map(({ details }) => details.reason);
    expect(reasons).toContain('the token was used before');
  });

  test('C17 a job’s claims of thousands of characters are compared with nothing', async () => {
    const rule = await trust({ conditions: ['repository=acme/shop', 'note=a**'] });
    expect(rule.status, rule.text).toBe(201);
    const others = { ref: 'elsewhere' };
    await expectRefused(ci.sign(job({ ...others, note: 'a'.repeat(4_000) })));
    expect((await exchange(ci.sign(job({ ...others, note: 'a'.repeat(400) })))).status).toBe(200);
    expect((await ann.call('DELETE', rule.path)).status).toBe(204);
  });

  test('A12 a job is told the same for an account that there is not, and for a person', async () => {
    await expectRefused(ci.sign(job()), 'nobody@acme.serviceaccounts.hexabase.local');
    await expectRefused(ci.sign(job()), ann.email);
    await expectRefused('not a token');
  });
});

describe('rules', () => {
  test('A14 rules for jobs cannot be made for an account of another organization, or above one’s own role', async () => {
    expect((await trust({}, eve)).status).toBe(404);
    expect((await trust({ scope: `workspace:${eve.workspaceSlug}` })).status).toBe(404);
    const developer = await product.person(fresh('developer'));
    await ann.call('POST', at(ann, 'members'), { email: developer.email, role: 'developer' });
    expect((await trust({}, { ...ann, call: developer.call })).status).toBe(403);
  });

  test.each([
    'ref=refs/heads/main',
    'job_workflow_ref=acme/ci/.github/workflows/release.yml@refs/heads/main',
    'repository=a*',
    'repository=acme**',
    'repository_owner=acme*',
    'sub=repo:**',
    'sub=repo:acme*',
    'sub=environment:production:**',
    'sub=ref:refs/heads/main**',
  ])('B06 a rule that anybody’s jobs at the issuer would meet is not taken: %s', async (condition) => {
    const { status, text } = await trust({ conditions: [condition, 'actor=ann'] });
    expect([status, text]).toEqual([400, expect.stringContaining('whose the jobs are')]);
  });

  test.each(['repository=acme/*', 'repository_owner=acme', 'sub=repo:acme/shop:**', 'project_path=acme/**'])(
    'with one that says whose the jobs are are taken: %s',
    async (condition) =>
      expect((await trust({ conditions: ['ref=refs/heads/*', condition] })).status).toBe(201),
  );

  test.each<[string, object]>([
    ['without a condition', { conditions: [] }],
    ['with one that everything meets', { conditions: ['repository=*'] }],
    ['with one that begins with a wildcard', { conditions: ['repository=**/shop'] }],
    ['over http', { issuer: 'http://ci.example' }],
    ['with a user in the address', { issuer: 'https://ci.example@evil.example' }],
  ])('%s are refused', async (_which, more) => expect((await trust(more)).status).toBe(400));
});

test('B06 a rule of before rules had to say whose the jobs are lets nobody in', async () => {
  const made = await ann.call('POST', at(ann, 'service-accounts'), { name: fresh('sa'), role: 'viewer' });
  const { email } = made.json['data'];
  const rule = await trust({ serviceAccount: email });
  const stored = (conditions: string[]) =>
    product.query('update federations set conditions = $2 where id = $1', [
      rule.path.split('/').at(-1),
      conditions,
    ]);
  await stored(['ref=refs/heads/*']);
  const strangers = () => ci.sign(job({ repository: 'eve/anything' }));
  await expectRefused(strangers(), email);
  const advice = expect.stringMatching(/does not say whose the jobs are.*create it again/);
  expect((await exchanges('denied')).at(-1)?.['details'].reason).toEqual(advice);
  expect((await ann.call('GET', rule.path)).json['data'].problem).toEqual(advice);
  await stored(['ref=refs/heads/*', 'repository=eve/anything']);
  expect((await exchange(strangers(), email)).status).toBe(200);
  expect((await ann.call('GET', rule.path)).json['data'].problem).toBeNull();
});

const gitHub = 'https://token.actions.githubusercontent.com';

test.each([
  [gitHub, 'sub=environment:production'],
  [gitHub, 'sub=project_path:acme/shop:**'],
  ['https://token.actions.acme.ghe.com', 'sub=ref:refs/heads/main'],
  ['https://github.acme.example/_services/token', 'sub=workflow:release'],
  ['https://github.acme.example/_services/token/acme-inc', 'sub=environment:production'],
  ['https://gitlab.com', 'sub=repo:acme/shop:**'],
])(
  'B06 a subject that strangers at the issuer can have word for word pins nobody: %s %s',
  async (issuer, condition) => {
    const { status, text } = await trust({ issuer, conditions: [condition] });
    expect([status, text]).toEqual([400, expect.stringContaining('whose the jobs are')]);
    expect((await trust({ issuer, conditions: [condition, 'repository_owner=acme'] })).status).toBe(201);
  },
);

test.each([
  [gitHub, 'sub=repo:acme/shop:environment:production'],
  [gitHub, 'sub=repo:acme/**'],
  ['https://github.acme.example/_services/token/acme-inc', 'sub=repo:acme/**'],
  ['https://gitlab.com', 'sub=project_path:acme/shop:ref_type:branch:ref:main'],
  ['https://ci.example', 'sub=system:serviceaccount:ci:deployer'],
])('a subject that says whose it is is enough: %s %s', async (issuer, condition) =>
  expect((await trust({ issuer, conditions: [condition] })).status).toBe(201),
);

describe('an issuer inside', () => {
  test.each([
    'https://127.0.0.1:1',
    'https://localhost:1',
    'https://169.254.169.254',
    'https://[::1]:1',
    'https://2130706433',
  ])('C01 the issuer %s is never asked', async (issuer) => {
    const { status } = await trust({ issuer });
    expect(status).toBe(201);
    await expectRefused(ci.sign(job({ iss: issuer })));
  });

  test('C01 an issuer that no operator allowed is not asked, even where it would answer', async () => {
    expect((await trust({ issuer: elsewhere.issuer })).status).toBe(201);
    await expectRefused(elsewhere.sign(job({ iss: elsewhere.issuer })));
    expect(elsewhere.asked()).toBe(0);
  });
});

describe('a flood', () => {
  test('of bad tokens from one address is refused before it is verified, and writes nothing more', async () => {
    const made = await ann.call('POST', at(ann, 'service-accounts'), {
      name: fresh('sa'),
      role: 'developer',
    });
    const { email } = made.json['data'];
    expect((await trust({ serviceAccount: email })).status).toBe(201);
    const bad = ci.sign(job({ ref: 'refs/pull/1/merge' }));
    const flood = async (serviceAccount: string) => {
      const answers = await Promise.all(Array.from({ length: 70 }, () => exchange(bad, serviceAccount)));
      return answers.map(({ status }) => status);
    };
    const statuses = await flood(email);
    expect(new Set(statuses)).toEqual(new Set([400, 429]));
    const written = (await exchanges('denied')).filter((entry) => entry['actor_email'] === email);
    expect(written).toHaveLength(statuses.filter((status) => status === 400).length);
    // Nor does the count say which accounts there are.
    expect(await flood('nobody@acme.serviceaccounts.hexabase.local')).toContain(429);
  });
});
