import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubectlPath, startKubectlCluster, type KubectlCluster } from './kubectl.ts';

interface Web {
  name: string;
  image?: string;
  replicas?: number | undefined;
  labels?: string;
}

const web = ({ name, image = 'nginx:1.27', replicas = 2, labels = 'app: web' }: Web): string => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}, labels: {${labels}}}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: c, image: "${image}", ports: [{containerPort: 80}]}
`;

const apply = 'apply --server-side -f -';

describe.skipIf(kubectlPath === '')('kubectl apply --server-side', () => {
  let kubectl: KubectlCluster;
  beforeAll(async () => {
    kubectl = await startKubectlCluster();
  });
  afterAll(() => kubectl[Symbol.asyncDispose]());

  async function managers(resource: string): Promise<string[]> {
    const object = JSON.parse(await kubectl.ok(`get ${resource} -o json --show-managed-fields`)) as {
      metadata: { managedFields?: { manager: string; operation: string; subresource?: string }[] };
    };
    return (object.metadata.managedFields ?? []).map(({ manager, operation, subresource }) =>
      [manager, operation, subresource].filter(Boolean).join(' '),
    );
  }

  it('creates, changes and leaves alone what has not changed', async () => {
    expect(await kubectl.ok(apply, web({ name: 'a' }))).toBe('deployment.apps/a serverside-applied\n');
    await kubectl.ok('rollout status deploy/a --timeout=30s');
    const before = await kubectl.ok([
      'get',
      'deploy',
      'a',
      '-o',
      'jsonpath={.metadata.resourceVersion} {.metadata.generation}',
    ]);
    await kubectl.ok(apply, web({ name: 'a' }));
    expect(
      await kubectl.ok([
        'get',
        'deploy',
        'a',
        '-o',
        'jsonpath={.metadata.resourceVersion} {.metadata.generation}',
      ]),
    ).toBe(before);
    await kubectl.ok(apply, web({ name: 'a', image: 'nginx:1.28' }));
    expect(
      await kubectl.ok(['get', 'deploy', 'a', '-o', 'jsonpath={.spec.template.spec.containers[*].image}']),
    ).toBe('nginx:1.28');
    await kubectl.ok('rollout status deploy/a --timeout=30s');
    expect(await managers('deploy a')).toEqual([
      'kubectl Apply',
      'kube-controller-manager Update',
      'kube-controller-manager Update status',
    ]);
  });

  it('shows managed fields only when asked', async () => {
    await kubectl.ok(apply, web({ name: 'shown' }));
    expect(await kubectl.ok('get deploy shown -o yaml')).not.toContain('managedFields');
    const yaml = await kubectl.ok('get deploy shown -o yaml --show-managed-fields');
    expect(yaml).toContain('k:{"containerPort":80,"protocol":"TCP"}:');
    expect(yaml).toContain('f:replicas: {}');
  });

  it('removes what the configuration no longer names', async () => {
    await kubectl.ok(apply, web({ name: 'less', labels: 'app: web, tier: front' }));
    await kubectl.ok('label deploy less kept=yes');
    await kubectl.ok(apply, web({ name: 'less' }));
    const labels = await kubectl.ok(['get', 'deploy', 'less', '-o', 'jsonpath={.metadata.labels}']);
    expect(JSON.parse(labels)).toEqual({ app: 'web', kept: 'yes' });
  });

  it('refuses to change what another manager set, and takes it with --force-conflicts', async () => {
    await kubectl.ok(apply, web({ name: 'fought' }));
    await kubectl.ok('scale deploy fought --replicas=3');
    const refused = await kubectl.fails(apply, web({ name: 'fought' }));
    expect(refused).toContain(
      'Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas',
    );
    await kubectl.ok(`${apply} --force-conflicts`, web({ name: 'fought' }));
    expect(await kubectl.ok(['get', 'deploy', 'fought', '-o', 'jsonpath={.spec.replicas}'])).toBe('2');
  });

  it('lets two managers own one value until one wants another', async () => {
    await kubectl.ok(`${apply} --field-manager=one`, web({ name: 'shared' }));
    await kubectl.ok(`${apply} --field-manager=two`, web({ name: 'shared' }));
    const refused = await kubectl.fails(
      `${apply} --field-manager=two`,
      web({ name: 'shared', image: 'nginx:1.28', replicas: 5 }),
    );
    expect(refused).toContain(
      'Apply failed with 2 conflicts: conflicts with "one":\n- .spec.replicas\n- .spec.template.spec.containers[name="c"].image',
    );
  });

  it('takes over from client-side apply', async () => {
    await kubectl.ok('apply -f -', web({ name: 'moved', labels: 'app: web, old: "1"' }));
    await kubectl.ok(apply, web({ name: 'moved', image: 'nginx:1.28' }));
    expect(await managers('deploy moved')).not.toContain('kubectl-client-side-apply Update');
    const labels = await kubectl.ok(['get', 'deploy', 'moved', '-o', 'jsonpath={.metadata.labels}']);
    expect(JSON.parse(labels)).toEqual({ app: 'web' });
    expect(await kubectl.ok('apply -f -', web({ name: 'moved', image: 'nginx:1.29' }))).toBe(
      'deployment.apps/moved configured\n',
    );
  });

  it('tries without doing, and shows the difference', async () => {
    expect(await kubectl.ok(`${apply} --dry-run=server`, web({ name: 'dry' }))).toContain(
      'serverside-applied (server dry run)',
    );
    expect(await kubectl.fails('get deploy dry')).toContain('NotFound');
    await kubectl.ok(apply, web({ name: 'differs' }));
    expect(
      (await kubectl.run('diff --server-side -f -', web({ name: 'differs', image: 'nginx:1.28' }))).stdout,
    ).toContain('+      - image: nginx:1.28');
  });

  it('names fields that do not exist and list entries that are there twice', async () => {
    const unknown = await kubectl.fails(
      `${apply} --validate=false`,
      'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {nothing: 1, containers: [{name: c, image: i}]}\n',
    );
    expect(unknown).toContain(
      'failed to create typed patch object (default/p; /v1, Kind=Pod): .spec.nothing: field not declared in schema',
    );
    const twice = await kubectl.fails(
      apply,
      'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: i}, {name: c, image: j}]}\n',
    );
    expect(twice).toContain('.spec.containers: duplicate entries for key [name="c"]');
  });

  it('applies every kind of a usual application', async () => {
    const kinds = [
      'apiVersion: v1\nkind: Namespace\nmetadata: {name: team}\n',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: team}\ndata: {a: "1"}\n',
      'apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: team}\nstringData: {a: "1"}\n',
      'apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: team}\nspec: {selector: {app: a}, ports: [{port: 80}]}\n',
      'apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: s, namespace: team}\n',
      'apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: p, namespace: team}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1024Mi}}}\n',
      'apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: r, namespace: team}\nrules: [{apiGroups: [""], resources: [pods], verbs: [get]}]\n',
      'apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: team}\nspec: {defaultBackend: {service: {name: s, port: {number: 80}}}}\n',
      'apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: j, namespace: team}\nspec: {schedule: "0 0 1 1 *", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i, resources: {requests: {cpu: 1000m}}}]}}}}}\n',
    ].join('---\n');
    const first = await kubectl.ok(apply, kinds);
    expect(first.match(/serverside-applied/g)).toHaveLength(9);
    expect(await kubectl.ok(apply, kinds)).toBe(first);
  });
});
