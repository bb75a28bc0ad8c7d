import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readPorts, tenantPaths } from '@hexabase/cluster/drivers/local/tenant-folder.ts';
import { trustFiles } from '@hexabase/cluster/drivers/local/trust.ts';
import { brandId } from '@hexabase/kernel/id.ts';
import { kubeBinaries } from '@hexabase/testkit/host-cluster.ts';
import { startProduct, type Product } from '../../acceptance/product.ts';
import { signIn } from '../../acceptance/rest.ts';
import { percentile } from '../kubernetes/figures.ts';
import { atMost, short, type Row } from '../product/report.ts';
import { restClient, type Rest } from '../product/rest.ts';
import { p50AndP99, timedGets, type Way } from '../product/timed-get.ts';
import type { IdentityPart } from './part.ts';

const rounds = 1_000;
const path = '/api/v1/namespaces/default';

/** What the gateway adds to a request: token, session, limits, audit, and one more hop. */
export const gatewayPart: IdentityPart = {
  name: 'gateway',
  title: 'gateway',
  async measure() {
    const binaries = kubeBinaries();
    if (binaries === null) throw new Error('HKS_KUBE_BIN is needed.');
    await using product = await startProduct(['--driver', 'local'], { HKS_KUBE_BIN: binaries });
    const { token: session } = await signIn(product.httpUrl, 'owner@hexabase.local', product.password);
    using rest = restClient({ url: product.httpUrl, token: session, connections: 1 });
    const id = await activeWorkspace(rest);
    const { token } = await rest.call<{ token: string }>('POST', `/api/v1/workspaces/${id}/kube-token`);
    const kept = await directWay(product, id, token);
    await using hop = await startBareProxy(kept);
    const ways = [kept, gatewayWay(product, id, token), { ...hop.place, name: 'bare proxy', token }];
    const [direct = [], through = [], bare = []] = await timedGets(ways, { path, rounds, warmUpRounds: 100 });
    const floor = percentile(bare, 0.5) - percentile(direct, 0.5);
    return {
      how: `The product with the driver local: the same small GET with the same token ${rounds} times, in turn to the workspace's kube-apiserver itself and through the gateway, one kept connection each; client, product and kube-apiserver are processes of their own on one machine. In turn with them goes a proxy of Node that checks nothing: the hop alone adds ${short(floor)} ms (p50).`,
      rows: [
        added(
          'gateway, added to a direct call, p50',
          1,
          [direct, through].map((all) => percentile(all, 0.5)),
        ),
        added(
          'gateway, added to a direct call, p99',
          5,
          [direct, through].map((all) => percentile(all, 0.99)),
        ),
      ],
      details: { directMs: p50AndP99(direct), gatewayMs: p50AndP99(through), bareProxyMs: p50AndP99(bare) },
    };
  },
};

function added(what: string, goalMs: number, [direct = 0, through = 0]: readonly number[]): Row {
  const row = atMost(what, { value: goalMs, unit: 'ms' }, through - direct);
  return { ...row, measured: `${row.measured} (${short(direct)} → ${short(through)} ms)` };
}

async function activeWorkspace(rest: Rest): Promise<string> {
  const { id } = await rest.call<{ id: string }>('POST', '/api/v1/workspaces', { name: 'measured' });
  const end = performance.now() + 90_000;
  for (;;) {
    const { phase } = await rest.call<{ phase: string }>('GET', `/api/v1/workspaces/${id}`);
    if (phase === 'active') return id;
    if (performance.now() > end) throw new Error(`the workspace is ${phase}`);
    await sleep(200);
  }
}

async function directWay({ dataDir }: Product, id: string, token: string): Promise<Way> {
  const paths = tenantPaths(join(dataDir, 'clusters'), brandId<'Workspace'>(id));
  const ports = await readPorts(paths);
  const ca = readFileSync(trustFiles(paths).certificateAuthority, 'utf8');
  return { name: 'direct', url: `https://127.0.0.1:${ports?.api ?? 0}`, ca, token };
}

/** Ends with the stream that it reads. */
async function startBareProxy({
  url,
  ca,
}: Way): Promise<AsyncDisposable & { place: Pick<Way, 'url' | 'ca'> }> {
  const program = fileURLToPath(new URL('./bare-proxy.ts', import.meta.url));
  const child = spawn(process.execPath, [program, JSON.stringify({ url, ca })], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line]: string[] = await once(createInterface(child.stdout), 'line');
  return {
    place: JSON.parse(line ?? ''),
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

function gatewayWay({ dataDir, httpsUrl }: Product, id: string, token: string): Way {
  const authority: { certPem: string } = JSON.parse(
    readFileSync(join(dataDir, 'ca', 'authority.json'), 'utf8'),
  );
  return { name: 'gateway', url: `${httpsUrl}/k8s/workspaces/${id}`, ca: authority.certPem, token };
}
