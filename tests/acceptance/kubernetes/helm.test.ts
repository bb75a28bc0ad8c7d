import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { helmPath, kubectlPath, startKubectlCluster, type KubectlCluster } from './kubectl.ts';

describe.skipIf(kubectlPath === '' || helmPath === '')('helm', () => {
  let cluster: KubectlCluster;
  beforeAll(async () => {
    cluster = await startKubectlCluster();
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  it('creates a chart, installs, upgrades, rolls back and uninstalls it, and leaves nothing', async () => {
    await cluster.helm('create web');
    const kinds = 'deploy,svc,serviceaccounts,secrets,pods,replicasets,endpointslices -o name';
    const before = await cluster.ok(`get ${kinds}`);
    expect(await cluster.helm('install shop ./web --wait --timeout 60s')).toContain('STATUS: deployed');
    expect(await cluster.ok(['get', 'deploy', 'shop-web', '-o', 'jsonpath={.status.readyReplicas}'])).toBe(
      '1',
    );

    expect(
      await cluster.helm('upgrade shop ./web --wait --timeout 60s --set replicaCount=3 --set image.tag=1.28'),
    ).toContain('REVISION: 2');
    expect(await cluster.ok(['get', 'deploy', 'shop-web', '-o', 'jsonpath={.status.readyReplicas}'])).toBe(
      '3',
    );

    expect(await cluster.helm('rollback shop 1 --wait --timeout 60s')).toContain('Rollback was a success');
    expect(await cluster.ok(['get', 'deploy', 'shop-web', '-o', 'jsonpath={.spec.replicas}'])).toBe('1');
    expect(await cluster.helm('history shop')).toMatch(/3\s+.*deployed\s+web-0\.1\.0.*Rollback to 1/);

    expect(await cluster.helm('uninstall shop --wait --timeout 60s')).toContain('release "shop" uninstalled');
    await expect.poll(() => cluster.ok(`get ${kinds}`), { timeout: 20_000 }).toBe(before);
  }, 120_000);
});
