import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from './config.ts';
import { imagesOf } from './hosts/host-settings.ts';
import { StartError } from './lifecycle/data-folder.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hks-config-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function settingsFile(text: string): Promise<string> {
  const path = join(folder, `${crypto.randomUUID()}.yaml`);
  await writeFile(path, text);
  return path;
}

describe('a setting', () => {
  it('comes from the flag, else the environment, else the settings file, else the default', async () => {
    const path = await settingsFile(
      'publicUrl: https://file.example\nlogLevel: warn\nhttpPort: 8081\nhostRegion: eu\n',
    );
    const env = { HKS_SERVER_CONFIG: path, HKS_PUBLIC_URL: 'https://env.example' };
    expect(readConfig({ publicUrl: 'https://flag.example' }, env)).toMatchObject({
      publicUrl: 'https://flag.example',
      logLevel: 'warn',
      httpPort: 8081,
      listen: 'localhost',
    });
    expect(readConfig({}, env).publicUrl).toBe('https://env.example');
    expect(readConfig({ settingsFile: path }, {}).publicUrl).toBe('https://file.example');
    expect(readConfig({ settingsFile: path, hostRegion: 'us' }, {}).hosts.hostRegion).toBe('us');
    expect(readConfig({ settingsFile: path }, { HKS_HOST_REGION: 'asia' }).hosts.hostRegion).toBe('asia');
    expect(readConfig({ settingsFile: path }, {}).hosts.hostRegion).toBe('eu');
  });

  it('that does not exist, or a file that is not there or not YAML, is refused in words', async () => {
    const refusals = [
      [await settingsFile('publicURL: https://x.example\n'), /publicURL/],
      [await settingsFile('publicUrl: [\n'), /not valid YAML/],
      [await settingsFile('- a\n'), /no setting/],
      [join(folder, 'absent.yaml'), /cannot be read/],
    ] as const;
    for (const [path, words] of refusals) {
      expect(() => readConfig({ settingsFile: path }, {})).toThrow(StartError);
      expect(() => readConfig({ settingsFile: path }, {})).toThrow(words);
    }
    const broken = await settingsFile('smtpPassword: s3cret: x\n');
    expect(() => readConfig({ settingsFile: broken }, {})).toThrow('is not valid YAML at line 1, column 15.');
    expect(() => readConfig({ settingsFile: broken }, {})).not.toThrow(/s3cret/);
    expect(readConfig({ settingsFile: await settingsFile('') }, {}).hosts.imagePullPolicy).toBe(
      'IfNotPresent',
    );
  });

  it('for the warm pool is a number, or numbers by plan', async () => {
    const sizes = (text: string) => readConfig({}, { HKS_WARM_POOL: text }).warmPool;
    expect(sizes('3')).toEqual({ starter: 3 });
    expect(sizes('starter=3,pro=1')).toEqual({ starter: 3, pro: 1 });
    expect(readConfig({}, {}).warmPool).toEqual({ starter: 0 });
    const path = await settingsFile('warmPool: 2\n');
    expect(readConfig({ settingsFile: path }, {}).warmPool).toEqual({ starter: 2 });
    for (const wrong of ['many', 'pro', 'pro=', '-1', 'pro=1,', '1000000'])
      expect(() => sizes(wrong)).toThrow('starter=3,pro=1');
  });

  it('of tenants may be a list, and a wrong one is named', async () => {
    const path = await settingsFile('tenantKubernetesVersion: [v1.35.2, v1.34.4]\n');
    expect(readConfig({ settingsFile: path }, {}).hosts.tenantKubernetesVersion).toEqual([
      'v1.35.2',
      'v1.34.4',
    ]);
    expect(() => readConfig({}, { HKS_TENANT_KUBERNETES_VERSION: '1.34' })).toThrow(/v1\.34\.4/);
    expect(() => readConfig({}, { HKS_VCLUSTER_CHART_DIGEST: 'sha256:1' })).toThrow(/64 hexadecimal/);
  });
});

describe('the discovery URL', () => {
  const read = (given: object, env: Record<string, string> = {}) =>
    readConfig({ dataDir: folder, ...given }, env).hosts.discoveryUrl;

  it('is an https address without anything else, from flag, environment or file', async () => {
    const settings = { settingsFile: await settingsFile('discoveryUrl: https://file.example\n') };
    const env = { HKS_DISCOVERY_URL: 'https://Env.example:443/' };
    expect(read(settings)).toBe('https://file.example');
    expect(read(settings, env)).toBe('https://env.example');
    expect(read({ ...settings, discoveryUrl: 'https://flag.example:8443' }, env)).toBe(
      'https://flag.example:8443',
    );
    for (const discoveryUrl of [
      'http://a.example',
      'a.example:8443',
      'https://a.example/oidc',
      'https://a.example/?',
      'https://a.example?b=c',
      'https://a.example/#d',
      'https://e:f@a.example',
    ])
      expect(() => read({ discoveryUrl }), discoveryUrl).toThrow(/without a path/);
  });

  it('may be taken back with `none`, which is not the same as naming none', () => {
    for (const [given, noDiscoveryUrl] of [
      [{ discoveryUrl: 'none' }, true],
      [{}, false],
    ] as const) {
      const { hosts } = readConfig(given, {});
      expect(hosts).toMatchObject({ noDiscoveryUrl });
      expect(hosts.discoveryUrl).toBeUndefined();
    }
  });
});

describe('images of tenants', () => {
  const images = (env: Record<string, string>) => imagesOf(readConfig({}, env).hosts);

  it('are upstream’s without the commercial parts, unless one says otherwise', () => {
    expect(images({}).vcluster.repository).toBe('loft-sh/vcluster-oss');
    expect(images({ HKS_IMAGE_REGISTRY: 'mirror.example:5000' })).toMatchObject({
      kubernetes: { registry: 'mirror.example:5000', repository: 'loft-sh/kubernetes' },
      vcluster: { registry: 'mirror.example:5000', repository: 'loft-sh/vcluster-oss' },
    });
    expect(
      images({ HKS_VCLUSTER_IMAGE: 'own.example:5000/a/b:1.2', HKS_KUBERNETES_IMAGE: 'own.example/k/k8s' }),
    ).toMatchObject({
      vcluster: { registry: 'own.example:5000', repository: 'a/b', tag: '1.2' },
      kubernetes: { registry: 'own.example', repository: 'k/k8s' },
    });
  });
});

describe('the proxies that are trusted', () => {
  it('are networks, or nobody starts: a list with a slip trusts the wrong ones', () => {
    const read = (text: string) => readConfig({}, { HKS_TRUSTED_PROXIES: text }).trustedProxies;
    expect(read('10.0.0.0/8,192.0.2.7')).toBe('10.0.0.0/8,192.0.2.7');
    for (const wrong of ['10.0.0.0/8 192.0.2.7', 'proxy.internal', '0.0.0.0/0', '10.0.0.1/8'])
      expect(() => read(wrong)).toThrow(/networks like/);
    expect(readConfig({}, {}).trustedProxies).toBeUndefined();
  });
});
