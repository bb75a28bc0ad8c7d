import { errorCodes } from '@hexabase/kernel/error-codes.ts';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type Answer, type Api, type Person } from './start-api.ts';

let api: Api;
let ann: Person & { organizationId: string; organizationSlug: string };
beforeAll(async () => {
  api = await startApi();
  ann = await api.owner('ann');
});
afterAll(() => api[Symbol.asyncDispose]());

/** What every refusal must look like, whatever refuses. */
function expectRefusal(answer: Answer, code: keyof typeof errorCodes): void {
  expect([answer.status, answer.error?.code]).toEqual([errorCodes[code].status, code]);
  expect(Object.keys(JSON.parse(answer.text)).toSorted()).toEqual(['error', 'meta']);
  expect(answer.error.message.length).toBeGreaterThan(10);
  expect(answer.meta.requestId).toBe(answer.headers.get('x-request-id'));
  expect(answer.text).not.toMatch(/ at .*\.ts|select |node_modules|relation "|postgres/i);
}

const workspaces = '/api/v1/workspaces';

describe('bad input is refused with a stable code', () => {
  it.each([
    ['malformed_json', '{"name": '],
    ['malformed_json', 'nonsense'],
    ['validation_failed', '[]'],
    ['validation_failed', 'null'],
    ['validation_failed', '{}'],
    ['validation_failed', '{"name": 7}'],
    ['validation_failed', '{"name": "ab"}'],
    ['validation_failed', '{"name": "   a   "}'],
    ['validation_failed', JSON.stringify({ name: 'x'.repeat(51) })],
    ['validation_failed', '{"name": "bad\\u0000name"}'],
    ['validation_failed', '{"name": "good name", "slug": "Not-A-Slug"}'],
    ['validation_failed', '{"name": "good name", "slug": "-abc"}'],
    ['validation_failed', JSON.stringify({ name: 'good name', description: 'd'.repeat(201) })],
    ['validation_failed', '{"name": "good name", "plan": "nope"}'],
    ['validation_failed', '{"name": "good name", "isolation": "none"}'],
    ['unknown_field', '{"name": "good name", "phase": "active"}'],
    ['unknown_field', '{"name": "good name", "fence": 9, "organization_id": "x", "is_admin": true}'],
    ['unknown_field', '{"name": "good name", "__proto__": {"plan": "pro"}}'],
    ['not_found', '{"name": "good name", "organization": "somebody-elses"}'],
    ['body_too_large', JSON.stringify({ name: 'x'.repeat(70_000) })],
  ] as const)('as %s: %s', async (code, body) => {
    const before = await api.query('select count(*)::int as n from workspaces');
    expectRefusal(await ann.call('POST', workspaces, { body }), code);
    expect(await api.query('select count(*)::int as n from workspaces')).toEqual(before);
  });

  it('names each field that is wrong', async () => {
    const answer = await ann.call('POST', workspaces, { body: { name: 'a', slug: 'A!' } });
    const fields = answer.error.details['fields'];
    expect(fields).toEqual(expect.arrayContaining([{ path: 'name', message: 'use at least 3 characters' }]));
    expect(JSON.stringify(fields)).toContain('"slug"');
    const unknown = await ann.call('POST', workspaces, { body: { name: 'good name', quota: 1 } });
    expect(unknown.error.details).toEqual({ fields: [{ path: 'quota', message: 'there is no such field' }] });
  });

  it('takes only JSON', async () => {
    const headers = { 'content-type': 'text/plain' };
    expectRefusal(
      await ann.call('POST', workspaces, { body: '{"name":"good name"}', headers }),
      'unsupported_media_type',
    );
  });

  it.each([
    ['validation_failed', '?limit=501'],
    ['validation_failed', '?limit=0'],
    ['validation_failed', '?page=-1'],
    ['validation_failed', '?page=abc'],
    ['validation_failed', '?sort=fence'],
    ['validation_failed', '?sort=__proto__'],
    ['validation_failed', '?sort=name;drop table workspaces'],
    ['validation_failed', '?phase=gone'],
    ['unknown_field', '?organization_id[$ne]=1'],
    ['unknown_field', '?filter=x'],
    ['not_found', '?organization=somebody-elses'],
  ] as const)('in a query as %s: %s', async (code, query) => {
    expectRefusal(await ann.call('GET', `${workspaces}${query}`), code);
  });

  it.each([
    ['GET', '/api/v1/nope'],
    ['GET', '/api/v1/Workspaces'],
    ['GET', '/api/v1/workspaces/'],
    ['GET', '/api/v1//workspaces'],
    ['GET', '/api/v1/workspaces/a%2fb'],
    ['GET', '/api/v1/workspaces/%00'],
    ['GET', "/api/v1/workspaces/'%20or%20'1'='1"],
    ['GET', '/api/v1/workspaces/%zz'],
    ['GET', `/api/v1/workspaces/${'x'.repeat(400)}`],
    ['GET', '/internal/v1/operations/scale_deployment'],
  ])('as absent (case %#)', async (method, path) => {
    expectRefusal(await ann.call(method, path), 'not_found');
  });

  it('tells a wrong method from a wrong address, and OPTIONS what there is', async () => {
    const wrong = await ann.call('PUT', workspaces);
    expectRefusal(wrong, 'method_not_allowed');
    expect(wrong.headers.get('allow')).toBe('GET, HEAD, POST, OPTIONS');
    const options = await api.call('OPTIONS', workspaces);
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'GET, HEAD, POST, OPTIONS']);
    const head = await ann.call('HEAD', workspaces);
    expect([head.status, head.text]).toEqual([200, '']);
  });
});

describe('who does not belong here is refused', () => {
  it.each(['', 'Bearer', 'Bearer x', 'Bearer internal_x', 'Bearer dev_token_x', 'Basic YTpi'])(
    'with credentials %j',
    async (authorization) => {
      const answer = await api.call('GET', workspaces, { headers: { authorization } });
      expectRefusal(answer, 'unauthenticated');
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    },
  );

  it('under another host name', async () => {
    const { port } = new URL(api.baseUrl);
    const answer = await new Promise<{ status: number; text: string }>((resolve, reject) => {
      const request = httpRequest(
        { port, host: '127.0.0.1', path: '/api/v1/plans', headers: { host: 'evil.example' } },
        (response) => {
          let text = '';
          response
            .on('data', (chunk) => (text += chunk))
            .on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        },
      );
      request.on('error', reject).end();
    });
    expect([answer.status, JSON.parse(answer.text).error.code]).toEqual([400, 'unknown_host']);
  });

  it('even when it does not speak HTTP', async () => {
    const { port } = new URL(api.baseUrl);
    const text = await new Promise<string>((resolve, reject) => {
      let received = '';
      const socket = connect(Number(port), '127.0.0.1', () => socket.write('NONSENSE\r\n\r\n'));
      socket
        .on('data', (chunk) => (received += chunk))
        .on('end', () => resolve(received))
        .on('error', reject);
    });
    expect(text).toMatch(/^HTTP\/1.1 400/);
    expect(text).toContain('"code":"malformed_json"');
  });

  it('is not told that a session has ended in other words than ours', async () => {
    const ben = await api.person('ben');
    expect((await ben.call('GET', workspaces)).status).toBe(200);
    expect((await ben.call('POST', '/auth/logout')).status).toBe(204);
    expectRefusal(await ben.call('GET', workspaces), 'session_ended');
  });
});

describe('answers carry what protects their reader', () => {
  it('on every address', async () => {
    for (const path of ['/', '/docs', '/health', workspaces, '/nope']) {
      const { headers } = await api.call('GET', path);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  it('and pages have no script and escape what they show', async () => {
    const docs = await api.call('GET', '/docs');
    expect(docs.status).toBe(200);
    expect(docs.text).toContain('/api/v1/workspaces/{id}/kube-token');
    expect(docs.text).not.toMatch(/<script/i);
  });
});
