import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configMap, startTestCluster, type TestCluster } from '../../runtime/cluster-for-tests.ts';

const maps = '/api/v1/namespaces/default/configmaps';
let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startTestCluster();
});
afterAll(() => cluster[Symbol.asyncDispose]());

async function status(
  path: string,
  init?: RequestInit & { user?: string },
): Promise<{ code: number; reason: string; message: string }> {
  const response = await cluster.fetch(path, init);
  const { code, reason, message } = (await response.json()) as {
    code: number;
    reason: string;
    message: string;
  };
  expect(response.status).toBe(code);
  return { code, reason, message };
}

describe('who may', () => {
  it('answers 401 to nobody, before anything else', async () => {
    expect(await status('/api/v1/nowhere', { user: '' })).toEqual({
      code: 401,
      reason: 'Unauthorized',
      message: 'Unauthorized',
    });
  });

  it('answers 403 in upstream’s words, for what exists and what does not alike', async () => {
    const refused = { code: 403, reason: 'Forbidden' };
    expect(await status('/api/v1/namespaces/y/pods', { user: 'x' })).toEqual({
      ...refused,
      message: 'pods is forbidden: User "x" cannot list resource "pods" in API group "" in the namespace "y"',
    });
    const hidden = await status('/api/v1/namespaces/default', { user: 'x' });
    const absent = await status('/api/v1/namespaces/absent', { user: 'x' });
    expect(absent.message.replaceAll('absent', 'default')).toBe(hidden.message);
  });

  it('refuses to act as somebody else', async () => {
    expect(await status(maps, { headers: { 'impersonate-user': 'jane' } })).toMatchObject({
      code: 403,
      message: expect.stringContaining('impersonat'),
    });
  });
});

describe('paths and methods', () => {
  it('answers 404 for unknown kinds, groups and paths', async () => {
    for (const path of ['/api/v1/nothings', '/apis/nowhere.io/v1/things', '/openapi/v2', '/foo']) {
      expect(await status(path)).toMatchObject({
        code: 404,
        message: 'the server could not find the requested resource',
      });
    }
  });

  it('answers 405 where the kind lacks the verb', async () => {
    expect(
      await status('/api/v1/pods', {
        method: 'POST',
        body: '{}',
        headers: { 'content-type': 'application/json' },
      }),
    ).toMatchObject({ code: 405 });
    expect(await status('/version', { method: 'PUT' })).toMatchObject({
      code: 405,
      reason: 'MethodNotAllowed',
    });
  });

  it('tells its health and version', async () => {
    expect(await (await cluster.fetch('/readyz?verbose')).text()).toContain('readyz check passed');
    expect(await (await cluster.fetch('/healthz')).text()).toBe('ok');
    expect(await (await cluster.fetch('/version')).json()).toMatchObject({ major: '1', minor: '36' });
  });
});

describe('bodies and forms', () => {
  it('refuses broken JSON, unknown media types and huge bodies', async () => {
    const post = (body: string, type = 'application/json') =>
      status(maps, { method: 'POST', body, headers: { 'content-type': type } });
    expect(await post('{')).toMatchObject({ code: 400, reason: 'BadRequest' });
    expect(await post('x', 'application/cbor')).toMatchObject({ code: 415, reason: 'UnsupportedMediaType' });
    expect(await post(JSON.stringify(configMap('big', { a: 'x'.repeat(2_000_000) })))).toMatchObject({
      code: 413,
    });
    expect(await post('x'.repeat(3 * 1024 * 1024 + 1))).toMatchObject({ code: 413 });
  });

  it('reports unknown and duplicate fields: refused when strict, warned of otherwise', async () => {
    const body = '{"metadata":{"name":"dup"},"data":{"a":"1","a":"2"},"foo":1}';
    const headers = { 'content-type': 'application/json' };
    const refused = await status(`${maps}?fieldValidation=Strict`, { method: 'POST', body, headers });
    expect(refused.message).toContain('strict decoding error: unknown field "foo", duplicate field "data.a"');
    const warned = await cluster.fetch(maps, { method: 'POST', body, headers });
    expect(warned.status).toBe(201);
    expect(warned.headers.get('warning')).toContain('299 - "unknown field \\"foo\\""');
    expect(await warned.json()).not.toHaveProperty('foo');
  });

  it('takes and gives YAML', async () => {
    const headers = { 'content-type': 'application/yaml', accept: 'application/yaml' };
    const made = await cluster.fetch(maps, {
      method: 'POST',
      body: 'metadata:\n  name: yaml\ndata:\n  a: "1"\n',
      headers,
    });
    expect(made.headers.get('content-type')).toBe('application/yaml');
    expect(await made.text()).toContain('name: yaml');
  });

  it('gives tables and partial objects, and 406 for what it cannot', async () => {
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
    const table = (await (await cluster.fetch('/api/v1/namespaces', { headers: { accept } })).json()) as {
      kind: string;
      rows: { cells: unknown[] }[];
    };
    expect(table).toMatchObject({
      kind: 'Table',
      apiVersion: 'meta.k8s.io/v1',
      columnDefinitions: [{ name: 'Name', format: 'name' }, { name: 'Status' }, { name: 'Age' }],
    });
    expect(table.rows[0]?.cells.slice(0, 2)).toEqual(['default', 'Active']);
    const partial = await cluster.fetch('/api/v1/namespaces', {
      headers: { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' },
    });
    expect(await partial.json()).toMatchObject({
      kind: 'PartialObjectMetadataList',
      items: [{ kind: 'PartialObjectMetadata', metadata: { name: 'default' } }, {}, {}, {}],
    });
    expect(
      await status('/api/v1/namespaces', { headers: { accept: 'application/vnd.kubernetes.protobuf' } }),
    ).toMatchObject({ code: 406 });
    expect(
      (
        await cluster.fetch('/api/v1/namespaces', {
          headers: { accept: 'application/vnd.kubernetes.protobuf,application/json' },
        })
      ).status,
    ).toBe(200);
  });

  it('gives aggregated discovery under its full media type', async () => {
    const type = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
    const found = await cluster.fetch('/apis', { headers: { accept: `${type},application/json` } });
    expect(found.headers.get('content-type')).toBe(type);
    expect(await found.json()).toMatchObject({ kind: 'APIGroupDiscoveryList' });
  });

  it('lets OpenAPI documents be kept for ever under their hash', async () => {
    const index = (await (await cluster.fetch('/openapi/v3')).json()) as {
      paths: Record<string, { serverRelativeURL: string }>;
    };
    const document = await cluster.fetch(index.paths['api/v1']?.serverRelativeURL ?? '');
    expect(document.headers.get('cache-control')).toBe('public, immutable');
    expect(await document.json()).toMatchObject({ openapi: '3.0.0' });
  });

  it('names every request for the audit log', async () => {
    expect((await cluster.fetch('/version')).headers.get('audit-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect((await cluster.fetch('/version')).headers.get('x-kubernetes-pf-flowschema-uid')).toBeTruthy();
  });
});

describe('lists', () => {
  it('are watched, single objects are not, and pairs of a query that Go drops count for nothing', async () => {
    const ns = '/api/v1/namespaces';
    for (const [path, kind] of [
      [`${ns}/default?watch=1`, 'Namespace'],
      [`${ns}?watch=%zz`, 'NamespaceList'],
      [`${ns}?watch=1;x`, 'NamespaceList'],
    ] as const) {
      expect(await (await cluster.fetch(path)).json()).toMatchObject({ kind });
    }
  });

  it('page by page show one moment', async () => {
    const ns = '/api/v1/namespaces/kube-public/configmaps';
    for (const name of ['a', 'b', 'c']) await cluster.ask('POST', ns, { body: configMap(name) });
    const first = await cluster.ask('GET', `${ns}?limit=2`);
    expect(first.metadata['remainingItemCount']).toBe(1);
    await cluster.ask('DELETE', `${ns}/c`);
    await cluster.ask('POST', ns, { body: configMap('d') });
    const second = await cluster.ask('GET', `${ns}?limit=2&continue=${first.metadata['continue']}`);
    expect(second['items']).toMatchObject([{ metadata: { name: 'c' } }]);
    expect(second.metadata['resourceVersion']).toBe(first.metadata['resourceVersion']);
    expect(second.metadata).not.toHaveProperty('continue');
  });

  it('are chosen by labels and fields, and refuse what they cannot read', async () => {
    await cluster.ask('POST', maps, { body: configMap('chosen', {}, { labels: { tier: 'web' } }) });
    for (const query of [
      'labelSelector=tier+in+(web,db),tier!%3Ddb',
      'fieldSelector=metadata.name%3Dchosen',
      'labelSelector=tier',
    ]) {
      const found = await cluster.ask('GET', `${maps}?${query}`);
      expect(found['items']).toMatchObject([{ metadata: { name: 'chosen' } }]);
    }
    expect(await status(`${maps}?labelSelector=a+b+c`)).toMatchObject({
      code: 400,
      message: expect.stringContaining('unable to parse requirement'),
    });
    expect(await status(`${maps}?fieldSelector=spec.x%3D1`)).toMatchObject({ code: 400 });
    expect(await status(`${maps}?continue=xyz`)).toMatchObject({
      code: 400,
      message: 'continue key is not valid',
    });
    expect(await status(`${maps}?resourceVersion=99999999`)).toMatchObject({ code: 504, reason: 'Timeout' });
  });
});
