import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestCluster, type Json, type TestCluster } from '../../runtime/cluster-for-tests.ts';

const namespace = '/api/v1/namespaces/default';
const deployments = '/apis/apps/v1/namespaces/default/deployments';
const applyType = 'application/apply-patch+yaml';

const settings = (name: string, data: Record<string, string>): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
});
const web = (name: string, spec: object = {}): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, labels: { app: 'web' } },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'nginx' }] } },
    ...spec,
  },
});

interface Entry {
  manager: string;
  operation: string;
  subresource?: string;
  time: string;
  fieldsV1: unknown;
}

describe('server-side apply over the API', () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startTestCluster();
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  const apply = (
    path: string,
    body: object,
    { manager = 'a', query = '', status = 200 } = {},
  ): Promise<Json> =>
    cluster.ask('PATCH', `${path}?fieldManager=${manager}${query}`, { body, contentType: applyType, status });
  const entries = (object: Json): Entry[] =>
    (object.metadata['managedFields'] as unknown as Entry[] | undefined) ?? [];
  const named = (object: Json): string[] =>
    entries(object).map(({ manager, operation, subresource }) =>
      [manager, operation, subresource].filter(Boolean).join(' '),
    );

  it('makes the object and answers 201, and the same again is no change', async () => {
    const path = `${namespace}/configmaps/made`;
    const made = await apply(path, settings('made', { a: '1' }), { status: 201 });
    expect(entries(made)).toEqual([
      {
        manager: 'a',
        operation: 'Apply',
        apiVersion: 'v1',
        time: made.metadata['creationTimestamp'],
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:data': { 'f:a': {} } },
      },
    ]);
    const again = await apply(path, settings('made', { a: '1' }));
    expect(again).toEqual(made);
  });

  it('reads YAML over HTTP', async () => {
    const answer = await cluster.fetch(`${namespace}/configmaps/yaml?fieldManager=a`, {
      method: 'PATCH',
      headers: { 'content-type': applyType },
      body: 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: yaml\ndata: {a: "1"}\n',
    });
    expect(answer.status).toBe(201);
  });

  it('says what an update owns, field by field, as upstream does for a new Deployment', async () => {
    const made = await cluster.ask('POST', `${deployments}?fieldManager=maker`, { body: web('owned') });
    const [entry] = entries(made);
    expect(entry).toMatchObject({ manager: 'maker', operation: 'Update', apiVersion: 'apps/v1' });
    expect(entry?.fieldsV1).toMatchObject({
      'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
      'f:spec': {
        'f:progressDeadlineSeconds': {},
        'f:replicas': {},
        'f:selector': {},
        'f:strategy': {
          'f:rollingUpdate': { '.': {}, 'f:maxSurge': {}, 'f:maxUnavailable': {} },
          'f:type': {},
        },
        'f:template': {
          'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
          'f:spec': {
            'f:containers': {
              'k:{"name":"c"}': { '.': {}, 'f:image': {}, 'f:imagePullPolicy': {}, 'f:name': {} },
            },
          },
        },
      },
    });
  });

  it('a field that an update changes passes to the updater', async () => {
    const path = `${deployments}/passed`;
    await apply(path, web('passed', { replicas: 1 }), { status: 201 });
    const patched = await cluster.ask('PATCH', `${path}?fieldManager=u`, {
      body: { spec: { replicas: 2 } },
      contentType: 'application/merge-patch+json',
    });
    expect(named(patched)).toEqual(['a Apply', 'u Update']);
    expect(entries(patched)[1]?.fieldsV1).toEqual({ 'f:spec': { 'f:replicas': {} } });
    const refused = await apply(path, web('passed', { replicas: 1 }), { status: 409 });
    expect(refused).toMatchObject({
      reason: 'Conflict',
      message: 'Apply failed with 1 conflict: conflict with "u" using apps/v1: .spec.replicas',
      details: {
        causes: [
          {
            reason: 'FieldManagerConflict',
            message: 'conflict with "u" using apps/v1',
            field: '.spec.replicas',
          },
        ],
      },
    });
    const forced = await apply(path, web('passed', { replicas: 1 }), { query: '&force=true' });
    expect(named(forced)).toEqual(['a Apply']);
  });

  it('a write that changes nothing leaves managers and revision alone', async () => {
    const path = `${namespace}/configmaps/same`;
    const made = await apply(path, settings('same', { a: '1' }), { status: 201 });
    const put = await cluster.ask('PUT', `${path}?fieldManager=u`, { body: settings('same', { a: '1' }) });
    expect(put).toEqual(made);
  });

  it('status and scale are owned under their subresource, and status not through the object', async () => {
    const path = `${deployments}/parts`;
    await apply(path, { ...web('parts'), status: { replicas: 9 } }, { status: 201 });
    const head = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'parts' } };
    await apply(`${path}/status`, { ...head, status: { replicas: 3 } }, { manager: 's' });
    await apply(
      `${path}/scale`,
      { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'parts' }, spec: { replicas: 4 } },
      { manager: 'h', query: '&force=true' },
    );
    const object = await cluster.ask('GET', path);
    expect(object).toMatchObject({ spec: { replicas: 4 }, status: { replicas: 3 } });
    expect(named(object).sort()).toEqual(['a Apply', 'h Apply scale', 's Apply status']);
    expect(entries(object).find(({ manager }) => manager === 'a')?.fieldsV1).not.toHaveProperty('f:status');
    expect(entries(object).find(({ manager }) => manager === 'h')?.fieldsV1).toEqual({
      'f:spec': { 'f:replicas': {} },
    });
  });

  it('defaults and quantities in another notation do not make every apply a change', async () => {
    const path = `${namespace}/persistentvolumeclaims/claim`;
    const claim = {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'claim' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1024Mi' } } },
    };
    const made = await apply(path, claim, { status: 201 });
    expect((await apply(path, claim)).metadata['resourceVersion']).toBe(made.metadata['resourceVersion']);
  });

  it('an object whose managers were forgotten counts as set before the first apply', async () => {
    const path = `${namespace}/configmaps/forgotten`;
    await cluster.ask('POST', `${namespace}/configmaps`, { body: settings('forgotten', { a: '1' }) });
    const reset = await cluster.ask('PATCH', path, {
      body: { metadata: { managedFields: [{}] } },
      contentType: 'application/merge-patch+json',
    });
    expect(reset.metadata).not.toHaveProperty('managedFields');
    const refused = await apply(path, settings('forgotten', { a: '2' }), { status: 409 });
    expect(refused['message']).toBe(
      'Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.a',
    );
    expect(named(await apply(path, settings('forgotten', { a: '1' })))).toEqual([
      'a Apply',
      'before-first-apply Update',
    ]);
  });

  it('an empty list of managers, or a broken one, does not make the server forget', async () => {
    const path = `${namespace}/configmaps/kept`;
    await apply(path, settings('kept', { a: '1' }), { status: 201 });
    for (const managedFields of [
      [],
      [{ manager: 'x', operation: 'Apply', fieldsType: 'FieldsV1', fieldsV1: { nonsense: 1 } }],
    ]) {
      const put = await cluster.ask('PUT', `${path}?fieldManager=u`, {
        body: { ...settings('kept', { a: '1' }), metadata: { name: 'kept', managedFields } },
      });
      expect(named(put)).toEqual(['a Apply']);
    }
  });

  it('dry run changes nothing', async () => {
    const path = `${namespace}/configmaps/dry`;
    await apply(path, settings('dry', { a: '1' }), { query: '&dryRun=All', status: 201 });
    await cluster.ask('GET', path, { status: 404 });
  });

  it.each([
    [
      'no fieldManager',
      '?x=1',
      {},
      422,
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    ],
    [
      'managedFields',
      '?fieldManager=a',
      { metadata: { name: 'bad', managedFields: [{ manager: 'a' }] } },
      400,
      'metadata.managedFields must be nil',
    ],
    [
      'another version',
      '?fieldManager=a',
      { apiVersion: 'v2' },
      400,
      'Incorrect version specified in apply patch. Specified patch version: v2, expected: v1',
    ],
    [
      'another name',
      '?fieldManager=a',
      { metadata: { name: 'other' } },
      400,
      'the name of the object (other) does not match the name on the URL (bad)',
    ],
    [
      'a uid of nothing',
      '?fieldManager=a',
      { metadata: { name: 'bad', uid: 'u' } },
      409,
      'uid mismatch: the provided object specified uid u, and no existing object was found',
    ],
    [
      'an unknown field',
      '?fieldManager=a',
      { spec: {} },
      500,
      'failed to create typed patch object (default/bad; /v1, Kind=ConfigMap): .spec: field not declared in schema',
    ],
  ])('refuses %s', async (_case, query, change, status, message) => {
    const body = { ...settings('bad', { a: '1' }), ...change };
    const answer = await cluster.ask('PATCH', `${namespace}/configmaps/bad${query}`, {
      body,
      contentType: applyType,
      status,
    });
    expect(answer['message']).toContain(message);
    await cluster.ask('GET', `${namespace}/configmaps/bad`, { status: 404 });
  });

  it('a resourceVersion in the configuration must be the newest', async () => {
    const path = `${namespace}/configmaps/locked`;
    const made = await apply(path, settings('locked', { a: '1' }), { status: 201 });
    const at = (resourceVersion: unknown, value: string): object => ({
      ...settings('locked', { a: value }),
      metadata: { name: 'locked', resourceVersion },
    });
    await apply(path, at(made.metadata['resourceVersion'], '2'));
    await apply(path, at(made.metadata['resourceVersion'], '3'), { status: 409 });
  });

  it('who may patch but not create cannot create by applying', async () => {
    const role = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'patcher' },
      rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['patch', 'get'] }],
    };
    const binding = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'patcher' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'patcher' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'jane' }],
    };
    const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/default';
    await cluster.ask('POST', `${rbac}/roles`, { body: role });
    await cluster.ask('POST', `${rbac}/rolebindings`, { body: binding });
    const asJane = (name: string): Promise<Response> =>
      cluster.fetch(`${namespace}/configmaps/${name}?fieldManager=j`, {
        user: 'jane',
        method: 'PATCH',
        headers: { 'content-type': applyType },
        body: JSON.stringify(settings(name, { b: '1' })),
      });
    expect((await asJane('forbidden')).status).toBe(403);
    await cluster.ask('POST', `${namespace}/configmaps`, { body: settings('allowed', {}) });
    expect((await asJane('allowed')).status).toBe(200);
  });

  it('fifteen appliers of one object at once all get their field', async () => {
    const path = `${namespace}/configmaps/many`;
    await cluster.ask('POST', `${namespace}/configmaps`, { body: settings('many', {}) });
    const names = Array.from({ length: 15 }, (_, index) => `m${index}`);
    await Promise.all(names.map((manager) => apply(path, settings('many', { [manager]: '1' }), { manager })));
    const object = await cluster.ask('GET', path);
    expect(Object.keys(object['data'] ?? {}).sort()).toEqual([...names].sort());
    expect(entries(object).filter(({ operation }) => operation === 'Apply')).toHaveLength(names.length);
  });

  it('keeps no more than ten updaters apart', async () => {
    const path = `${namespace}/configmaps/busy`;
    await cluster.ask('POST', `${namespace}/configmaps?fieldManager=first`, {
      body: settings('busy', { a: '1' }),
    });
    for (let round = 0; round < 14; round++) {
      await cluster.ask('PATCH', `${path}?fieldManager=u${round}`, {
        body: { data: { [`k${round}`]: '1' } },
        contentType: 'application/merge-patch+json',
      });
    }
    const updaters = entries(await cluster.ask('GET', path)).map(({ manager }) => manager);
    expect(updaters).toHaveLength(10);
    expect(updaters).toContain('ancient-changes');
    expect(updaters).toContain('u13');
  });
});
