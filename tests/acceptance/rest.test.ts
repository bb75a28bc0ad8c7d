import { afterAll, beforeAll, expect, it } from 'vitest';
import { startProduct, type Product } from './product.ts';
import { rest, signIn, type Rest } from './rest.ts';

let product: Product;
let owner: Rest;
beforeAll(async () => {
  product = await startProduct();
  owner = await signIn(product.httpUrl, 'owner@hexabase.local', product.password);
});
afterAll(() => product[Symbol.asyncDispose]());

it('shows a landing page, health, readiness, metrics and a page to browse the API', async () => {
  const anybody = rest(product.httpUrl);
  const landing = await anybody.call('GET', '/');
  expect([landing.status, landing.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  expect(landing.text).toContain(product.httpsUrl);
  expect(landing.text).toContain('workspace create');
  expect((await anybody.call('GET', '/health')).status).toBe(200);
  expect((await anybody.call('GET', '/ready')).status).toBe(200);
  expect((await anybody.call('GET', '/metrics')).text).toMatch(/^hexabase_\w+/m);
  expect((await anybody.call('GET', '/docs')).text).toContain('/api/v1/workspaces');
  const openApi: unknown = JSON.parse((await anybody.call('GET', '/openapi.json')).text);
  expect(openApi).toMatchObject({ openapi: '3.1.0', paths: { '/api/v1/workspaces': { get: {}, post: {} } } });
});

it('signs in with the password that was shown once, and refuses another in one sentence', async () => {
  expect((await owner.call('GET', '/auth/me')).text).toContain('owner@hexabase.local');
  const wrong = await rest(product.httpUrl).call('POST', '/auth/login', {
    body: { email: 'owner@hexabase.local', password: 'wrong' },
  });
  expect([wrong.status, wrong.error?.code]).toEqual([401, 'invalid_credentials']);
  expect(wrong.meta['requestId']).toEqual(wrong.headers.get('x-request-id'));
});

it('takes a newcomer from an organization to a workspace with a project, and back', async () => {
  const organizations = await owner.call('GET', '/api/v1/organizations');
  expect(organizations).toMatchObject({
    status: 200,
    data: [{ name: 'My organization', plan: 'starter', role: 'owner' }],
    meta: { total: 1 },
  });

  const created = await owner.call('POST', '/api/v1/workspaces', {
    body: { name: 'By REST', plan: 'starter' },
  });
  expect(created).toMatchObject({ status: 201, data: { slug: 'by-rest', phase: 'provisioning' } });
  const path = `/api/v1/workspaces/${String(created.data['id'])}`;
  await expect
    .poll(async () => (await owner.call('GET', path)).data['phase'], { timeout: 30_000 })
    .toBe('active');
  expect((await owner.call('GET', '/api/v1/workspaces/by-rest')).data['id']).toBe(created.data['id']);

  const project = await owner.call('POST', `${path}/projects`, { body: { name: 'my-app' } });
  expect(project.status).toBe(201);
  await expect
    .poll(async () => (await owner.call('GET', `${path}/projects`)).data, { timeout: 30_000 })
    .toMatchObject([{ name: 'my-app', phase: 'active' }]);

  const deleted = await owner.call('DELETE', path);
  expect(deleted).toMatchObject({ status: 202, data: { phase: 'deleting' } });
  const operation = `/api/v1/operations/${String(deleted.data['operationId'])}`;
  await expect
    .poll(async () => (await owner.call('GET', operation)).data['state'], { timeout: 30_000 })
    .toBe('succeeded');
  expect((await owner.call('GET', operation)).data['report']).toMatchObject({ left: [] });
  expect((await owner.call('GET', path)).status).toBe(404);
});

it('refuses the second workspace of the starter plan and says how to get more; that costs nothing here', async () => {
  expect(
    (await owner.call('POST', '/api/v1/workspaces', { body: { name: 'first of its kind' } })).status,
  ).toBe(201);
  const second = await owner.call('POST', '/api/v1/workspaces', { body: { name: 'second of its kind' } });
  expect(second.error).toMatchObject({
    code: 'plan_limit_reached',
    details: { howTo: expect.stringContaining('plan') as string },
  });
  const viaCli = await product.hks(['workspace', 'create', 'second of its kind']);
  expect(viaCli.code).toBe(1);
  expect(viaCli.stderr).toContain('--plan');
  await product.hks(['organization', 'update', 'my-organization', '--plan', 'pro']);
  expect(
    (await owner.call('POST', '/api/v1/workspaces', { body: { name: 'second of its kind' } })).status,
  ).toBe(201);
});

it('answers nonsense with a code, a sentence and a request id', async () => {
  const answers = {
    validation_failed: await owner.call('POST', '/api/v1/workspaces', { body: { name: 'x', nonsense: 1 } }),
    unauthenticated: await rest(product.httpUrl).call('GET', '/api/v1/workspaces'),
    not_found: await owner.call('GET', '/api/v1/nowhere'),
  };
  for (const [code, answer] of Object.entries(answers)) {
    expect(answer.error?.code).toBe(code);
    expect(answer.error?.message).toMatch(/^[A-Z].*\.$/);
    expect(answer.meta['requestId']).toEqual(answer.headers.get('x-request-id'));
  }
});
