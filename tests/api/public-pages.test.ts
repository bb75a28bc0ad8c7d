import { allOperations } from '@hexabase/contract/all-operations.ts';
import { openApiDocument } from '@hexabase/http/openapi.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type Api } from './start-api.ts';

let api: Api;
beforeAll(async () => {
  api = await startApi({
    landing: () => ({
      kubernetesUrl: 'https://localhost:8443',
      simulated: true,
      commands: ['./hks workspace create "<first>"'],
    }),
  });
});
afterAll(() => api[Symbol.asyncDispose]());

describe('what anybody may ask', () => {
  it('health, and readiness that follows the database', async () => {
    const health = await api.call('GET', '/health');
    expect([health.status, JSON.parse(health.text)]).toEqual([200, { status: 'healthy' }]);
    expect((await api.call('GET', '/ready')).status).toBe(200);
    await using broken = await startApi({
      ping: () => Promise.reject(new AppError('database_unavailable', { cause: new Error('secret host') })),
    });
    const answer = await broken.call('GET', '/ready');
    expect([answer.status, answer.error.code]).toEqual([503, 'database_unavailable']);
    expect(answer.text).not.toContain('secret host');
    expect((await broken.call('GET', '/health')).status).toBe(200);
  });

  it('a landing page that escapes what it shows', async () => {
    const page = await api.call('GET', '/');
    expect(page.text).toContain('./hks workspace create &quot;&lt;first&gt;&quot;');
    expect(page.text).toContain('class="good">ready');
    expect(page.headers.get('content-security-policy')).toMatch(/style-src 'sha256-/);
  });

  it('D21 metrics only with the token, under the agreed names', async () => {
    expect((await api.call('GET', '/metrics')).status).toBe(401);
    expect((await api.call('GET', '/metrics', { token: 'wrong' })).status).toBe(401);
    const ann = await api.owner('ann');
    await ann.call('POST', '/api/v1/workspaces', { body: { name: 'Counted' } });
    const { text } = await api.call('GET', '/metrics', { token: 'scrape-token' });
    expect(text).toContain('hexabase_workspaces_created_total{plan="enterprise"} 1');
    expect(text).toContain('hexabase_active_workspaces 0');
    expect(text).toContain('hexabase_api_calls_total{operation="workspace.create",status="201"} 1');
    expect(text).toMatch(/http_requests_total\{method="POST",route="\/api\/v1\/workspaces",status="201"\} 1/);
    for (const name of [
      'http_request_duration_seconds_bucket',
      'hexabase_api_request_duration_seconds_bucket',
      'process_cpu_seconds_total',
    ]) {
      expect(text).toContain(name);
    }
    expect(text, 'ids in labels make endless series').not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-7/);
  });
});

describe('the OpenAPI document', () => {
  it('is the one that the server gives, and has every operation exactly once', async () => {
    const served = await api.call('GET', '/openapi.json');
    const document = openApiDocument({ version: '0.1.0' });
    expect(JSON.parse(served.text)).toEqual(JSON.parse(JSON.stringify(document)));
    expect(document).toMatchObject({ openapi: '3.1.0', info: { title: 'Hexabase AI' } });
    const ids = [...served.text.matchAll(/"operationId":"([^"]+)"/g)].map((match) => match[1]);
    expect(Object.keys(document['paths'] as object)).toEqual(
      expect.arrayContaining(['/auth/login', '/health']),
    );
    expect(ids.toSorted()).toEqual(
      allOperations()
        .map(({ operation }) => operation.id)
        .toSorted(),
    );
  });

  it('names in each path exactly the parameters that the path has, and refers to nothing that is not there', () => {
    const text = JSON.stringify(openApiDocument());
    const { paths } = JSON.parse(text);
    for (const [path, methods] of Object.entries<
      Record<string, { operationId?: string; parameters?: { in: string; name: string }[]; responses: object }>
    >(paths)) {
      for (const operation of Object.values(methods)) {
        const named = (operation.parameters ?? [])
          .filter((parameter) => parameter.in === 'path')
          .map((parameter) => `{${parameter.name}}`);
        expect(named).toEqual(path.match(/\{\w+\}/g) ?? []);
        // Signing in and the state say only what goes well and that all else is the error envelope.
        expect(Object.keys(operation.responses).length).toBeGreaterThan(operation.operationId ? 2 : 1);
      }
    }
    expect(new Set(text.match(/"\$ref":"[^"]+"/g))).toEqual(new Set(['"$ref":"#/components/schemas/Error"']));
    expect(text).not.toContain('"$schema"');
  });
});
