import { describe, expect, test } from 'vitest';
import { completed } from '../auth/store-for-tests.ts';
import { fieldsOf } from '../auth/fields.ts';
import { attempt, create, openTeam, pod } from './admit-for-tests.ts';

const configMap = (namespace: string) => ({ kind: 'ConfigMap', metadata: { name: 'x', namespace } });

describe('namespaces', () => {
  test('nothing is created in a namespace that does not exist', async () => {
    await using cluster = await openTeam();
    const { refused } = await attempt(cluster, configMap('nowhere'));
    expect(refused).toMatchObject({
      code: 404,
      message: 'namespaces "nowhere" not found',
      details: { kind: 'namespaces', name: 'nowhere' },
    });
  });

  test('nothing new enters a namespace that is going away, though its status claims to be active', async () => {
    await using cluster = await openTeam();
    const metadata = { name: 'team', deletionTimestamp: '2026-01-01T00:00:00Z' };
    await cluster.put('/namespaces', { kind: 'Namespace', metadata, status: { phase: 'Active' } });
    const { refused } = await attempt(cluster, configMap('team'));
    expect(refused).toMatchObject({
      code: 403,
      message:
        'configmaps "x" is forbidden: unable to create new content in namespace team because it is being terminated',
      details: {
        causes: [
          {
            reason: 'NamespaceTerminating',
            message: 'namespace team is being terminated',
            field: 'metadata.namespace',
          },
        ],
      },
    });
    const old = completed(configMap('team'));
    expect((await attempt(cluster, configMap('team'), { operation: 'UPDATE', old })).refused).toBeUndefined();
    expect((await attempt(cluster, configMap('team'), { operation: 'DELETE', old })).refused).toBeUndefined();
  });

  test.each(['default', 'kube-system', 'kube-public'])('the namespace %s cannot be deleted', async (name) => {
    await using cluster = await openTeam();
    const { refused } = await attempt(
      cluster,
      { kind: 'Namespace', metadata: { name } },
      { operation: 'DELETE' },
    );
    expect(refused).toMatchObject({
      code: 403,
      message: `namespaces "${name}" is forbidden: this namespace may not be deleted`,
    });
  });

  test('other namespaces can be deleted', async () => {
    await using cluster = await openTeam();
    const team = { kind: 'Namespace', metadata: { name: 'team' } };
    expect((await attempt(cluster, team, { operation: 'DELETE' })).refused).toBeUndefined();
  });
});

describe('service accounts', () => {
  test('a pod runs as the account default and mounts its token read-only', async () => {
    await using cluster = await openTeam();
    const { object } = await attempt(cluster, pod('p'));
    const spec = fieldsOf(object?.['spec']);
    expect(spec).toMatchObject({ serviceAccountName: 'default', serviceAccount: 'default' });
    expect(spec['volumes']).toMatchObject([
      { name: expect.stringMatching(/^kube-api-access-[a-z0-9]{5}$/), projected: { defaultMode: 420 } },
    ]);
    expect(spec['containers']).toMatchObject([
      { volumeMounts: [{ mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true }] },
    ]);
  });

  test('an account that does not exist is refused', async () => {
    await using cluster = await openTeam();
    expect(await create(cluster, pod('p', { spec: { serviceAccountName: 'ghost' } }))).toBe(
      'pods "p" is forbidden: error looking up service account team/ghost: serviceaccount "ghost" not found',
    );
  });

  test('pod or account may decline the token, and the pod decides', async () => {
    await using cluster = await openTeam();
    const quiet = await attempt(cluster, pod('p', { spec: { automountServiceAccountToken: false } }));
    expect(fieldsOf(quiet.object?.['spec'])['volumes']).toBeUndefined();
    const account = {
      kind: 'ServiceAccount',
      metadata: { name: 'default', namespace: 'team' },
      automountServiceAccountToken: false,
    };
    await cluster.put('/serviceaccounts', { ...account, imagePullSecrets: [{ name: 'registry' }] });
    const inherited = await attempt(cluster, pod('p'));
    expect(fieldsOf(inherited.object?.['spec'])['volumes']).toBeUndefined();
    expect(fieldsOf(inherited.object?.['spec'])['imagePullSecrets']).toEqual([{ name: 'registry' }]);
    const loud = await attempt(cluster, pod('p', { spec: { automountServiceAccountToken: true } }));
    expect(fieldsOf(loud.object?.['spec'])['volumes']).toHaveLength(1);
  });
});

describe('priorities', () => {
  test('a class gives its value, the default class to pods without one', async () => {
    await using cluster = await openTeam();
    const named = await attempt(cluster, pod('p', { spec: { priorityClassName: 'system-node-critical' } }));
    expect(named.object?.['spec']).toMatchObject({
      priority: 2_000_001_000,
      preemptionPolicy: 'PreemptLowerPriority',
    });
    expect((await attempt(cluster, pod('p'))).object?.['spec']).toMatchObject({ priority: 0 });
    const high = {
      kind: 'PriorityClass',
      metadata: { name: 'high' },
      value: 7,
      globalDefault: true,
      preemptionPolicy: 'Never',
    };
    await cluster.put('scheduling.k8s.io/priorityclasses', high);
    expect((await attempt(cluster, pod('p'))).object?.['spec']).toMatchObject({
      priorityClassName: 'high',
      priority: 7,
      preemptionPolicy: 'Never',
    });
    expect(await create(cluster, { ...high, metadata: { name: 'second' } })).toBe(
      'priorityclasses.scheduling.k8s.io "second" is forbidden: PriorityClass high is already marked as default. Only one default can exist',
    );
  });

  test('nobody names an unknown class or a priority of their own', async () => {
    await using cluster = await openTeam();
    expect(await create(cluster, pod('p', { spec: { priorityClassName: 'none' } }))).toBe(
      'pods "p" is forbidden: no PriorityClass with name none was found',
    );
    expect(await create(cluster, pod('p', { spec: { priority: 9 } }))).toContain(
      'the integer value of priority (9) must not be provided in pod spec; priority admission controller computed 0',
    );
  });
});

describe('defaults of storage, network and tolerations', () => {
  test('a claim gets the default class, the empty class stays empty', async () => {
    await using cluster = await openTeam();
    const claim = (spec: object) => ({
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'c', namespace: 'team' },
      spec,
    });
    const { object } = await attempt(cluster, claim({}));
    expect(object?.['spec']).toMatchObject({ storageClassName: 'standard' });
    expect(object?.metadata.finalizers).toEqual(['kubernetes.io/pvc-protection']);
    expect((await attempt(cluster, claim({ storageClassName: '' }))).object?.['spec']).toMatchObject({
      storageClassName: '',
    });
  });

  test('an Ingress gets the default class unless it names one', async () => {
    await using cluster = await openTeam();
    const ingress = (spec: object) => ({ kind: 'Ingress', metadata: { name: 'i', namespace: 'team' }, spec });
    expect((await attempt(cluster, ingress({}))).object?.['spec']).toMatchObject({
      ingressClassName: 'simulated',
    });
    expect((await attempt(cluster, ingress({ ingressClassName: 'own' }))).object?.['spec']).toMatchObject({
      ingressClassName: 'own',
    });
  });

  test('a pod tolerates a silent node for five minutes, unless it says otherwise', async () => {
    await using cluster = await openTeam();
    expect((await attempt(cluster, pod('p'))).object?.['spec']).toMatchObject({
      tolerations: [
        {
          effect: 'NoExecute',
          key: 'node.kubernetes.io/not-ready',
          operator: 'Exists',
          tolerationSeconds: 300,
        },
        {
          effect: 'NoExecute',
          key: 'node.kubernetes.io/unreachable',
          operator: 'Exists',
          tolerationSeconds: 300,
        },
      ],
    });
    const all = [{ operator: 'Exists' }];
    expect((await attempt(cluster, pod('p', { spec: { tolerations: all } }))).object?.['spec']).toMatchObject(
      { tolerations: all },
    );
  });

  test('only a bound claim of a growing class may grow', async () => {
    await using cluster = await openTeam();
    const claim = (storage: string, phase: string, storageClassName = 'standard') =>
      completed({
        kind: 'PersistentVolumeClaim',
        metadata: { name: 'c', namespace: 'team' },
        spec: { storageClassName, resources: { requests: { storage } } },
        status: { phase },
      });
    const resize = async (phase: string, className?: string) => {
      const outcome = await attempt(cluster, claim('2Gi', phase, className), {
        operation: 'UPDATE',
        old: claim('1Gi', phase, className),
      });
      return outcome.refused?.message ?? 'allowed';
    };
    expect(await resize('Bound')).toBe('allowed');
    expect(await resize('Pending')).toBe(
      'persistentvolumeclaims "c" is forbidden: Only bound persistent volume claims can be expanded',
    );
    expect(await resize('Bound', 'fixed')).toContain(
      'the storageclass that provisions the pvc must support resize',
    );
  });
});

describe('limit ranges', () => {
  const limitRange = (limits: object[]) => ({
    kind: 'LimitRange',
    metadata: { name: 'l', namespace: 'team' },
    spec: { limits },
  });

  test('containers get the defaults that they lack, and the pod says so', async () => {
    await using cluster = await openTeam();
    await cluster.put(
      '/limitranges',
      limitRange([
        { type: 'Container', default: { cpu: '500m', memory: '1Gi' }, defaultRequest: { cpu: '100m' } },
      ]),
    );
    const { object } = await attempt(
      cluster,
      pod('p', { container: { resources: { limits: { memory: '2Gi' } } } }),
    );
    expect(object?.['spec']).toMatchObject({
      containers: [{ resources: { limits: { cpu: '500m', memory: '2Gi' }, requests: { cpu: '100m' } } }],
    });
    expect(object?.metadata.annotations).toEqual({
      'kubernetes.io/limit-ranger':
        'LimitRanger plugin set: cpu request for container c; cpu limit for container c',
    });
  });

  test.each([
    [
      { min: { cpu: '200m' } },
      { requests: { cpu: '100m' } },
      'minimum cpu usage per Container is 200m, but request is 100m',
    ],
    [{ min: { cpu: '200m' } }, {}, 'minimum cpu usage per Container is 200m.  No request is specified'],
    [
      { max: { memory: '1Gi' } },
      { limits: { memory: '2Gi' } },
      'maximum memory usage per Container is 1Gi, but limit is 2Gi',
    ],
    [{ max: { memory: '1Gi' } }, {}, 'maximum memory usage per Container is 1Gi.  No limit is specified'],
    [
      { maxLimitRequestRatio: { cpu: '2' } },
      { requests: { cpu: '100m' }, limits: { cpu: '300m' } },
      'cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000',
    ],
  ])('a container outside %j is refused', async (limit, resources, why) => {
    await using cluster = await openTeam();
    await cluster.put('/limitranges', limitRange([{ type: 'Container', ...limit }]));
    expect(await create(cluster, pod('p', { container: { resources } }))).toBe(
      `pods "p" is forbidden: ${why}`,
    );
  });

  test('limits of a pod count all containers, and every broken limit is named', async () => {
    await using cluster = await openTeam();
    await cluster.put('/limitranges', limitRange([{ type: 'Pod', max: { cpu: '1', memory: '1Gi' } }]));
    const resources = { limits: { cpu: '600m', memory: '600Mi' } };
    const containers = [
      { name: 'a', resources },
      { name: 'b', resources },
    ];
    expect(await create(cluster, pod('p', { spec: { containers } }))).toBe(
      'pods "p" is forbidden: [maximum cpu usage per Pod is 1, but limit is 1200m, maximum memory usage per Pod is 1Gi, but limit is 1200Mi]',
    );
  });

  test('claims keep to the limits of their type', async () => {
    await using cluster = await openTeam();
    await cluster.put(
      '/limitranges',
      limitRange([{ type: 'PersistentVolumeClaim', max: { storage: '1Gi' } }]),
    );
    const spec = { resources: { requests: { storage: '2Gi' } } };
    expect(
      await create(cluster, {
        kind: 'PersistentVolumeClaim',
        metadata: { name: 'c', namespace: 'team' },
        spec,
      }),
    ).toBe(
      'persistentvolumeclaims "c" is forbidden: maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi',
    );
  });
});
