import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { kubeBinaries } from '@hexabase/testkit/host-cluster.ts';
import { startKubeApiServer } from '@hexabase/testkit/kube-api-server.ts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { tenantSpec } from '../../../conformance/scene.ts';
import { createKubeClient, type KubeClient } from '../../../kube-api/client.ts';
import { resourcePath } from '../../../kube-api/resource-path.ts';
import { vclusterDriver } from '../driver.ts';
import { metaOf, textOf } from '../host/objects.ts';
import { fenceNamespace, namesOf, note, releaseNameOf } from '../names.ts';
import { defaultImages } from '../options.ts';

const binaries = kubeBinaries();
const token = 'administrator';
const call = () => ({ signal: AbortSignal.timeout(60_000) });

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

/** On a real kube-apiserver, by a chart that makes nothing. */
describe.skipIf(binaries === null)('the record of a release', () => {
  const stack = new AsyncDisposableStack();
  let host: KubeClient;
  /** As a process of ours has it. */
  let started: () => ReturnType<typeof vclusterDriver>;

  beforeAll(async () => {
    const location = await mkdtemp(join(tmpdir(), 'chart-'));
    stack.defer(() => rm(location, { recursive: true }));
    await mkdir(join(location, 'templates'));
    await writeFile(join(location, 'Chart.yaml'), 'apiVersion: v2\nname: nothing\nversion: 1.0.0\n');
    const administrator = { token, name: token, groups: ['system:masters'] };
    const server = stack.use(await startKubeApiServer(binaries ?? '', [administrator]));
    host = stack.use(
      createKubeClient({
        server: server.url,
        certificateAuthority: server.certificateAuthority,
        credentials: { kind: 'token', token },
      }),
    );
    started = () =>
      stack.use(
        vclusterDriver({
          host,
          hostName: 'here',
          chart: { source: { location, digest: null }, helm: join(binaries ?? '', 'helm') },
          images: defaultImages,
          kubernetesVersions: ['v1.34.4'],
          issuerAuthority: null,
          reach: 'tunnel',
          clock: systemClock,
          log: silentLogger,
        }),
      );
  });
  afterAll(() => stack.disposeAsync());

  it.each(['as the newest', 'by its name'])(
    'that was deleted is there again when a new workspace gets the release %s, and after a restart',
    async (way) => {
      const driver = started();
      const { release, path } = await made(driver, tenantSpec());
      expect((await host.request({ method: 'DELETE', path })).status).toBe(200);
      const spec = { ...tenantSpec(), ...(way === 'by its name' && { release }) };
      expect(await made(driver, spec)).toEqual({ release, path });
      expect((await host.request({ method: 'GET', path })).status).toBe(200);
      await started().ensureTenant({ ...spec, release: null, generation: 2 }, call());
    },
  );

  /** What a workspace was made with, and where that is recorded. */
  async function made(driver: ReturnType<typeof vclusterDriver>, spec: ReturnType<typeof tenantSpec>) {
    await driver.ensureTenant(spec, call());
    const { namespace: name } = namesOf(spec.workspaceId);
    const { body } = await host.request({ method: 'GET', path: resourcePath('v1', 'Namespace', { name }) });
    const release = textOf(metaOf(body).annotations[note.release]);
    const record = { namespace: fenceNamespace, name: releaseNameOf(release) };
    return { release, path: resourcePath('v1', 'ConfigMap', record) };
  }
});
