import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubectlPath, startKubectlCluster, type KubectlCluster } from './kubectl.ts';

const web = (image: string): string => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: c, image: "${image}", ports: [{containerPort: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
`;

describe.skipIf(kubectlPath === '')('kubectl', () => {
  let kubectl: KubectlCluster;
  beforeAll(async () => {
    kubectl = await startKubectlCluster();
  });
  afterAll(() => kubectl[Symbol.asyncDispose]());

  it('sees the server, its kinds and their documentation', async () => {
    expect(await kubectl.ok('version')).toContain('Server Version: v1.36');
    expect(await kubectl.ok('api-resources')).toMatch(/deployments\s+deploy\s+apps\/v1\s+true\s+Deployment/);
    expect(await kubectl.ok('explain deploy.spec.replicas')).toContain('FIELD: replicas <integer>');
    expect(await kubectl.ok(['get', '--raw', '/readyz?verbose'])).toContain('readyz check passed');
  });

  it('applies, shows differences, applies again and rolls out', async () => {
    expect(await kubectl.ok('apply -f -', web('nginx:1.27'))).toBe(
      'deployment.apps/web created\nservice/web created\n',
    );
    expect(await kubectl.ok('apply -f -', web('nginx:1.27'))).toBe(
      'deployment.apps/web unchanged\nservice/web unchanged\n',
    );
    expect((await kubectl.run('diff -f -', web('nginx:1.28'))).stdout).toContain(
      '+      - image: nginx:1.28',
    );
    expect(await kubectl.ok('apply -f -', web('nginx:1.28'))).toBe(
      'deployment.apps/web configured\nservice/web unchanged\n',
    );
    expect(await kubectl.ok('rollout status deploy/web --timeout=30s')).toContain('successfully rolled out');
    expect(await kubectl.ok('get deploy web')).toMatch(/web\s+2\/2\s+2\s+2\s+\d+s/);
    expect(await kubectl.ok('wait --for=condition=Available deploy/web --timeout=10s')).toContain(
      'condition met',
    );
  });

  it('scales, restarts, describes and follows a watch', async () => {
    await kubectl.ok('create deployment scaled --image=nginx');
    expect(await kubectl.ok('scale deploy scaled --replicas=3')).toBe('deployment.apps/scaled scaled\n');
    await kubectl.ok(['wait', '--for=jsonpath={.status.readyReplicas}=3', 'deploy/scaled', '--timeout=30s']);
    expect(await kubectl.ok('describe deploy scaled')).toContain(
      '3 desired | 3 updated | 3 total | 3 available',
    );
    expect(await kubectl.ok('rollout restart deploy scaled')).toContain('restarted');
    expect(await kubectl.ok('rollout status deploy/scaled --timeout=30s')).toContain(
      'successfully rolled out',
    );
    const [watched] = await Promise.all([
      kubectl.run('get configmaps -w --request-timeout=3s'),
      kubectl.ok('create configmap seen --from-literal=a=b'),
    ]);
    expect(watched.stdout).toMatch(/seen\s+1/);
  });

  it('edits by all three patches, labels and annotations', async () => {
    await kubectl.ok('create configmap p --from-literal=a=1');
    await kubectl.ok(['patch', 'cm', 'p', '--type=merge', '-p', '{"data":{"b":"2"}}']);
    await kubectl.ok([
      'patch',
      'cm',
      'p',
      '--type=json',
      '-p',
      '[{"op":"replace","path":"/data/a","value":"3"}]',
    ]);
    await kubectl.ok(['patch', 'cm', 'p', '-p', '{"data":{"c":"4"}}']);
    await kubectl.ok('label cm p tier=x');
    await kubectl.ok('annotate cm p note=y');
    expect(JSON.parse(await kubectl.ok('get cm p -o json'))).toMatchObject({
      data: { a: '3', b: '2', c: '4' },
      metadata: { labels: { tier: 'x' }, annotations: { note: 'y' } },
    });
    expect(await kubectl.ok('get cm -l tier=x -o name')).toBe('configmap/p\n');
    expect(
      await kubectl.fails([
        'patch',
        'cm',
        'p',
        '--type=json',
        '-p',
        '[{"op":"test","path":"/data/a","value":"no"}]',
      ]),
    ).toContain('The request is invalid');
  });

  it('refuses in the words of a real server', async () => {
    await kubectl.ok('create configmap taken');
    expect(await kubectl.fails('create configmap taken')).toContain('configmaps "taken" already exists');
    expect(await kubectl.fails('get cm absent')).toBe(
      'Error from server (NotFound): configmaps "absent" not found\n',
    );
    const unknown = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\nfoo: bar\n';
    expect(await kubectl.fails('create -f -', unknown)).toContain(
      'strict decoding error: unknown field "foo"',
    );
    expect(await kubectl.fails('--token=jane get secrets')).toBe(
      'Error from server (Forbidden): secrets is forbidden: User "jane" cannot list resource "secrets" in API group "" in the namespace "default"\n',
    );
    expect(await kubectl.fails('--token=nobody get pods')).toContain('You must be logged in to the server');
    expect(await kubectl.fails('create deployment web2 --image=a --replicas=-1')).toContain(
      'greater than or equal to 0',
    );
  });

  it('asks what it may do, grants it, and then may', async () => {
    expect((await kubectl.run('--token=jane auth can-i list pods')).stdout).toBe('no\n');
    await kubectl.ok('create role reader --verb=get,list --resource=pods');
    await kubectl.ok('create rolebinding jane --role=reader --user=jane');
    expect((await kubectl.run('--token=jane auth can-i list pods')).stdout).toBe('yes\n');
    expect((await kubectl.run('--token=jane get pods')).code).toBe(0);
    expect(await kubectl.ok('auth whoami -o jsonpath={.status.userInfo.username}')).toBe('kubernetes-admin');
    expect((await kubectl.run('auth can-i list secrets --as=jane')).stdout).toBe('no\n');
  });

  it('runs a job to its end, shows its log and events, and says that nothing is real', async () => {
    await kubectl.ok('create job once --image=busybox');
    await kubectl.ok('wait --for=condition=complete job/once --timeout=30s');
    expect(await kubectl.ok('get job once')).toMatch(/once\s+Complete\s+1\/1/);
    expect(await kubectl.ok('logs job/once')).toContain('simulated');
    expect(await kubectl.ok('get events')).toContain('Created pod: once-');
    expect(await kubectl.fails('exec deploy/web -- ls')).toContain('not supported');
  });

  it('drains a node as far as the disruption budget allows', async () => {
    await kubectl.ok('create deployment safe --image=nginx --replicas=2');
    await kubectl.ok('rollout status deploy/safe --timeout=30s');
    await kubectl.ok('create pdb safe --selector=app=safe --min-available=2');
    await kubectl.ok(['wait', '--for=jsonpath={.status.currentHealthy}=2', 'pdb/safe', '--timeout=20s']);
    const pod = (await kubectl.ok('get pods -l app=safe -o jsonpath={.items[0].spec.nodeName}')).trim();
    expect(await kubectl.fails(`drain ${pod} --force --ignore-daemonsets --timeout=2s`)).toContain(
      'violate the pod',
    );
    await kubectl.ok(`uncordon ${pod}`);
  });

  it('deletes objects and whole namespaces and waits for them to be gone', async () => {
    await kubectl.ok('create namespace temp');
    await kubectl.ok('-n temp create deployment d --image=nginx');
    await kubectl.ok('-n temp rollout status deploy/d --timeout=30s');
    await kubectl.ok('-n temp delete deploy d --cascade=foreground --timeout=30s');
    expect(await kubectl.ok('-n temp get pods -o name')).toBe('');
    await kubectl.ok('-n temp create configmap left');
    await kubectl.ok('delete namespace temp --timeout=30s');
    expect(await kubectl.fails('get ns temp')).toContain('namespaces "temp" not found');
  });
});
