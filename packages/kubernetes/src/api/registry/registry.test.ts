import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  configMap,
  deployment,
  startTestCluster,
  type TestCluster,
} from '../../runtime/cluster-for-tests.ts';

const maps = '/api/v1/namespaces/default/configmaps';
const deployments = '/apis/apps/v1/namespaces/default/deployments';
let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startTestCluster();
});
afterAll(() => cluster[Symbol.asyncDispose]());

describe('create', () => {
  it('fills uid, time and revision, and ignores those of the client', async () => {
    const made = await cluster.ask('POST', maps, {
      body: configMap(
        'filled',
        {},
        { uid: 'mine', creationTimestamp: '2001-01-01T00:00:00Z', generation: 7 },
      ),
    });
    expect(made.metadata['uid']).toMatch(/^[0-9a-f-]{36}$/);
    expect(made.metadata['creationTimestamp']).toMatch(/^20[2-9]\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(made.metadata['creationTimestamp']).not.toBe('2001-01-01T00:00:00Z');
    expect(Number(made.metadata['resourceVersion'])).toBeGreaterThan(1);
    expect(made.metadata).not.toHaveProperty('generation');
  });

  it('takes apiVersion and kind from the path when the body has none', async () => {
    const made = await cluster.ask('POST', maps, { body: { metadata: { name: 'bare' } } });
    expect(made).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
  });

  it('refuses a taken name with 409 in the words that clients match', async () => {
    await cluster.ask('POST', maps, { body: configMap('taken') });
    const refused = await cluster.ask('POST', maps, { body: configMap('taken'), status: 409 });
    expect(refused).toMatchObject({ reason: 'AlreadyExists', message: 'configmaps "taken" already exists' });
  });

  it('makes distinct names from generateName', async () => {
    const body = { metadata: { generateName: 'many-' } };
    const made = await Promise.all(Array.from({ length: 20 }, () => cluster.ask('POST', maps, { body })));
    expect(new Set(made.map((object) => object.metadata['name'])).size).toBe(20);
    expect(made[0]?.metadata['name']).toMatch(/^many-[b-z2-9]{5}$/);
  });

  it('stores nothing with dryRun and says what it would store', async () => {
    const shown = await cluster.ask('POST', `${deployments}?dryRun=All`, { body: deployment('dry') });
    expect(shown).toMatchObject({
      metadata: { generation: 1 },
      spec: { strategy: { type: 'RollingUpdate' } },
    });
    await cluster.ask('GET', `${deployments}/dry`, { status: 404 });
  });

  it('drops the status that a client sends', async () => {
    const made = await cluster.ask('POST', deployments, {
      body: { ...deployment('no-status'), status: { replicas: 9 } },
    });
    expect(made['status']).toEqual({});
  });

  it('refuses a body of another kind and of another namespace', async () => {
    await cluster.ask('POST', maps, { body: deployment('other'), status: 400 });
    const refused = await cluster.ask('POST', maps, {
      body: configMap('a', {}, { namespace: 'kube-system' }),
      status: 400,
    });
    expect(refused['message']).toContain('does not match the namespace');
  });

  it('encodes stringData of a secret and keeps only data', async () => {
    const made = await cluster.ask('POST', '/api/v1/namespaces/default/secrets', {
      body: { metadata: { name: 's' }, stringData: { a: 'ü' } },
    });
    expect(made['data']).toEqual({ a: Buffer.from('ü').toString('base64') });
    expect(made).not.toHaveProperty('stringData');
  });
});

describe('update', () => {
  it('refuses a stale resourceVersion and changes nothing', async () => {
    const made = await cluster.ask('POST', maps, { body: configMap('locked', { a: '1' }) });
    await cluster.ask('PUT', `${maps}/locked`, { body: { ...made, data: { a: '2' } } });
    const refused = await cluster.ask('PUT', `${maps}/locked`, {
      body: { ...made, data: { a: '3' } },
      status: 409,
    });
    expect(refused['message']).toContain(
      'the object has been modified; please apply your changes to the latest version and try again',
    );
    expect((await cluster.ask('GET', `${maps}/locked`))['data']).toEqual({ a: '2' });
  });

  it('of two writers from the same revision lets exactly one win', async () => {
    const made = await cluster.ask('POST', maps, { body: configMap('race') });
    const writes = ['1', '2', '3', '4'].map((a) =>
      cluster.kubernetes.request('test', {
        method: 'PUT',
        path: `${maps}/race`,
        body: { ...made, data: { a } },
      }),
    );
    const codes = (await Promise.all(writes)).map(({ status }) => status);
    expect(codes.toSorted()).toEqual([200, 409, 409, 409]);
  });

  it('counts the generation for changes of the spec only', async () => {
    await cluster.ask('POST', deployments, { body: deployment('counted') });
    const patch = (body: unknown, sub = '') =>
      cluster.ask('PATCH', `${deployments}/counted${sub}`, {
        body,
        contentType: 'application/merge-patch+json',
      });
    expect((await patch({ metadata: { labels: { a: 'b' } } })).metadata['generation']).toBe(1);
    expect((await patch({ spec: { replicas: 2 } })).metadata['generation']).toBe(2);
    const status = await patch({ spec: { replicas: 5 }, status: { replicas: 1 } }, '/status');
    expect(status).toMatchObject({
      metadata: { generation: 2 },
      spec: { replicas: 2 },
      status: { replicas: 1 },
    });
    expect((await patch({ status: { replicas: 7 } }))['status']).toMatchObject({ replicas: 1 });
  });

  it('writes nothing when nothing changes', async () => {
    const made = await cluster.ask('POST', maps, { body: configMap('same', { a: '1' }) });
    const again = await cluster.ask('PUT', `${maps}/same`, { body: configMap('same', { a: '1' }) });
    expect(again.metadata['resourceVersion']).toBe(made.metadata['resourceVersion']);
  });

  it('scales through the scale subresource', async () => {
    await cluster.ask('POST', deployments, { body: deployment('scaled') });
    const scale = await cluster.ask('PATCH', `${deployments}/scaled/scale`, {
      body: { spec: { replicas: 4 } },
      contentType: 'application/merge-patch+json',
    });
    expect(scale).toMatchObject({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      spec: { replicas: 4 },
      status: { selector: 'app=scaled' },
    });
    expect((await cluster.ask('GET', `${deployments}/scaled`))['spec']).toMatchObject({ replicas: 4 });
  });
});

describe('delete', () => {
  it('waits for finalizers and goes with the last one', async () => {
    await cluster.ask('POST', maps, { body: configMap('held', {}, { finalizers: ['example.com/a'] }) });
    const waiting = await cluster.ask('DELETE', `${maps}/held`);
    expect(waiting.metadata['deletionTimestamp']).toBeDefined();
    await cluster.ask('PATCH', `${maps}/held`, {
      body: { metadata: { finalizers: null } },
      contentType: 'application/merge-patch+json',
    });
    await cluster.ask('GET', `${maps}/held`, { status: 404 });
  });

  it('refuses when the uid of the precondition is another', async () => {
    await cluster.ask('POST', maps, { body: configMap('guarded') });
    await cluster.ask('DELETE', `${maps}/guarded`, {
      body: { preconditions: { uid: 'other' } },
      status: 409,
    });
    await cluster.ask('GET', `${maps}/guarded`);
  });

  it('marks for foreground and orphan deletion by finalizer', async () => {
    for (const [policy, finalizer] of [
      ['Foreground', 'foregroundDeletion'],
      ['Orphan', 'orphan'],
    ] as const) {
      await cluster.ask('POST', deployments, { body: deployment(policy.toLowerCase()) });
      const marked = await cluster.ask('DELETE', `${deployments}/${policy.toLowerCase()}`, {
        body: { propagationPolicy: policy },
      });
      expect(marked.metadata['finalizers']).toEqual([finalizer]);
    }
  });

  it('gives a running pod its grace period and a pending one none', async () => {
    const pods = '/api/v1/namespaces/default/pods';
    const pod = (name: string, nodeName?: string) => ({
      metadata: { name },
      spec: { containers: [{ name: 'c', image: 'a' }], ...(nodeName && { nodeName }) },
    });
    await cluster.ask('POST', pods, { body: pod('placed', 'node') });
    const leaving = await cluster.ask('DELETE', `${pods}/placed`);
    expect(leaving.metadata['deletionGracePeriodSeconds']).toBe(30);
    await cluster.ask('DELETE', `${pods}/placed`, { body: { gracePeriodSeconds: 0 } });
    await cluster.ask('GET', `${pods}/placed`, { status: 404 });
    await cluster.ask('POST', pods, { body: pod('pending') });
    await cluster.ask('DELETE', `${pods}/pending`);
    await cluster.ask('GET', `${pods}/pending`, { status: 404 });
  });

  it('deletes what a selector shows and leaves the rest', async () => {
    await cluster.ask('POST', maps, { body: configMap('sel-a', {}, { labels: { drop: 'yes' } }) });
    await cluster.ask('POST', maps, { body: configMap('sel-b', {}, { labels: { drop: 'no' } }) });
    await cluster.ask('DELETE', `${maps}?labelSelector=drop%3Dyes`);
    await cluster.ask('GET', `${maps}/sel-a`, { status: 404 });
    await cluster.ask('GET', `${maps}/sel-b`);
  });

  it('keeps a namespace Terminating until it is finalized', async () => {
    await cluster.ask('POST', '/api/v1/namespaces', { body: { metadata: { name: 'ending' } } });
    const ending = await cluster.ask('DELETE', '/api/v1/namespaces/ending');
    expect(ending['status']).toMatchObject({ phase: 'Terminating' });
    await cluster.ask('PUT', '/api/v1/namespaces/ending/finalize', {
      body: { ...ending, spec: { finalizers: [] } },
    });
    await cluster.ask('GET', '/api/v1/namespaces/ending', { status: 404 });
  });
});

describe('services', () => {
  const services = '/api/v1/namespaces/default/services';
  const service = (name: string, spec: object) => ({
    metadata: { name },
    spec: { ports: [{ port: 80 }], ...spec },
  });

  it('get distinct addresses of the range, which a deletion frees', async () => {
    const made = await cluster.ask('POST', services, { body: service('one', { clusterIP: '10.96.7.7' }) });
    expect(made['spec']).toMatchObject({
      clusterIPs: ['10.96.7.7'],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      type: 'ClusterIP',
    });
    const refused = await cluster.ask('POST', services, {
      body: service('two', { clusterIP: '10.96.7.7' }),
      status: 422,
    });
    expect(refused['message']).toContain('provided IP is already allocated');
    await cluster.ask('DELETE', `${services}/one`);
    await cluster.ask('POST', services, { body: service('two', { clusterIP: '10.96.7.7' }) });
  });

  it('give back what a refused or dry request took', async () => {
    await cluster.ask('POST', `${services}?dryRun=All`, {
      body: service('dry', { type: 'NodePort', ports: [{ port: 80, nodePort: 31_000 }] }),
    });
    const made = await cluster.ask('POST', services, {
      body: service('np', { type: 'NodePort', ports: [{ port: 80, nodePort: 31_000 }] }),
    });
    expect(made['spec']?.['ports']).toMatchObject([{ nodePort: 31_000 }]);
    await cluster.ask('POST', services, {
      body: service('np2', { type: 'NodePort', ports: [{ port: 80, nodePort: 31_000 }] }),
      status: 422,
    });
  });

  it('keep address and node port over an update that does not name them', async () => {
    const made = await cluster.ask('POST', services, { body: service('kept', { type: 'NodePort' }) });
    const next = await cluster.ask('PUT', `${services}/kept`, {
      body: service('kept', { type: 'NodePort', ports: [{ port: 80, protocol: 'TCP' }] }),
    });
    expect(next['spec']?.['clusterIP']).toBe(made['spec']?.['clusterIP']);
    expect(next['spec']?.['ports']).toEqual(made['spec']?.['ports']);
  });
});

describe('events', () => {
  it('are one store seen under both API groups', async () => {
    const body = {
      metadata: { name: 'e' },
      involvedObject: { kind: 'Pod', name: 'p', namespace: 'default' },
      reason: 'R',
      message: 'm',
      type: 'Normal',
    };
    await cluster.ask('POST', '/api/v1/namespaces/default/events', { body });
    const seen = await cluster.ask('GET', '/apis/events.k8s.io/v1/namespaces/default/events/e');
    expect(seen).toMatchObject({ apiVersion: 'events.k8s.io/v1', note: 'm', regarding: { name: 'p' } });
    expect(seen).not.toHaveProperty('message');
    const list = await cluster.ask('GET', '/apis/events.k8s.io/v1/events?fieldSelector=regarding.name%3Dp');
    expect(list['items']).toMatchObject([{ note: 'm' }]);
  });
});
