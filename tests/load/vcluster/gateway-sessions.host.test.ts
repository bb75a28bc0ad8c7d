import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { hostCluster } from '@hexabase/testkit/host-cluster.ts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runSessions, startTalker } from './kubectl-sessions.ts';
import { openTenantGateway, type TenantGateway } from './tenant-gateway.ts';

const given = hostCluster('tenant');
const binaries = given?.binaries ?? null;
vi.setConfig({ testTimeout: 300_000, hookTimeout: 400_000 });

let gateway: TenantGateway;

beforeAll(async () => {
  if (given === null || binaries === null) return;
  gateway = await openTenantGateway(given);
  await startTalker(gateway.tenant);
});

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
});

describe.skipIf(given === null || binaries === null)(
  'kubectl through gateway and tunnel to a real vCluster',
  () => {
    const kubectl = join(binaries ?? '', 'kubectl');

    it('keeps fifty shells and logs open at once, each with every line', async () => {
      const seen = await runSessions(gateway, { kubectl, count: 50 });
      expect(seen.failures).toEqual([]);
      expect(seen.whole).toBe(50);
    });

    it('applies, reads and deletes what it is told to', async () => {
      const dir = await mkdtemp(join(tmpdir(), 'hks-kubectl-'));
      await writeFile(join(dir, 'ca.pem'), gateway.authorities.gateway);
      const run = async (...args: string[]) =>
        (
          await promisify(execFile)(
            kubectl,
            [
              '--kubeconfig=/dev/null',
              `--cache-dir=${dir}`,
              `--certificate-authority=${join(dir, 'ca.pem')}`,
              `--token=${gateway.token}`,
              `--server=${gateway.urls.tunnel}`,
              ...args,
            ],
            { timeout: 60_000 },
          )
        ).stdout;
      expect(await run('auth', 'whoami')).toContain('hexabase:ada@example.test');
      await run('create', 'configmap', 'note', '--from-literal=a=b');
      expect(await run('get', 'configmap', 'note', '-o', 'jsonpath={.data.a}')).toBe('b');
      expect(await run('delete', 'configmap', 'note')).toContain('deleted');
      await rm(dir, { recursive: true, force: true });
    });
  },
);
