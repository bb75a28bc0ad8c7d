import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readPorts, tenantPaths } from '@hexabase/cluster/drivers/local/tenant-folder.ts';
import { trustFiles } from '@hexabase/cluster/drivers/local/trust.ts';
import { brandId } from '@hexabase/kernel/id.ts';
import { kubeBinaries } from '@hexabase/testkit/host-cluster.ts';
import { startProduct, succeed, type Product } from '../../acceptance/product.ts';
import { checkout, run } from '../../acceptance/programs.ts';
import { signIn } from '../../acceptance/rest.ts';
import { percentile } from '../kubernetes/figures.ts';
import { atMost, short, type Row } from '../product/report.ts';
import { restClient, type Rest } from '../product/rest.ts';
import { p50AndP99, timedGets, type Way } from '../product/timed-get.ts';
import type { IdentityPart } from './part.ts';
import { startProgram } from './program.ts';

/** Before them each way is warmed until V8 has compiled what it runs: a gateway that serves people has long done so. */
const counts = { rounds: 1_000, warmUpRounds: 2_000 };
const path = '/api/v1/namespaces/default';

/** Where a program of ours answers. */
type Place = Pick<Way, 'url' | 'ca'>;

interface Measured {
  rows: Row[];
  details: Record<string, unknown>;
}

/** What the gateway adds to a request: token, session, limits, audit, and one more hop where there is one. */
export const gatewayPart: IdentityPart = {
  name: 'gateway',
  title: 'gateway',
  async measure() {
    const embedded = await measureEmbedded();
    const { floorMs, ...local } = await measureLocal();
    return {
      how: `The same small GET ${counts.rounds} times, after ${counts.warmUpRounds} to warm up, over one kept TLS connection each: in turn to a cluster itself and through the gateway of the product; client, product and cluster are processes of their own on one machine. Embedded, the default: the cluster is in the gateway's own process, so that through the gateway there is no hop more than without it; directly, one like it serves itself over TLS, in memory, from which both answer a GET, with role-based access control for a token that it knows by heart. Local: with the driver local the cluster is a real kube-apiserver, and the gateway one more hop. In turn with these goes a proxy of Node that checks nothing: the hop alone adds ${short(floorMs)} ms (p50).`,
      rows: [...embedded.rows, ...local.rows],
      details: { ...counts, embedded: embedded.details, local: local.details },
    };
  },
};

async function measureEmbedded(): Promise<Measured> {
  await using product = await startProduct(['--driver', 'embedded']);
  const { id, token } = await workspaceOf(product);
  await using cluster = await startProgram<Place>('lone-cluster.ts', { token });
  const ways = [{ ...cluster.said, name: 'direct', token }, await gatewayWay(product, id, token)];
  const [direct = [], through = []] = await timedGets(ways, { path, ...counts });
  return {
    rows: addedRows('gateway, added to a direct call, embedded', direct, through),
    details: { directMs: p50AndP99(direct), gatewayMs: p50AndP99(through) },
  };
}

async function measureLocal(): Promise<Measured & { floorMs: number }> {
  const binaries = kubeBinaries();
  if (binaries === null) throw new Error('HKS_KUBE_BIN is needed.');
  await using product = await startProduct(['--driver', 'local'], { HKS_KUBE_BIN: binaries });
  const { id, token } = await workspaceOf(product);
  const kept = await directWay(product, id, token);
  await using hop = await startProgram<Place>('bare-proxy.ts', kept);
  const ways = [kept, await gatewayWay(product, id, token), { ...hop.said, name: 'bare proxy', token }];
  const [direct = [], through = [], bare = []] = await timedGets(ways, { path, ...counts });
  return {
    floorMs: percentile(bare, 0.5) - percentile(direct, 0.5),
    rows: addedRows('gateway, added to a direct call, local', direct, through),
    details: { directMs: p50AndP99(direct), gatewayMs: p50AndP99(through), bareProxyMs: p50AndP99(bare) },
  };
}

function addedRows(what: string, direct: readonly number[], through: readonly number[]): Row[] {
  const added = (name: string, share: number, goalMs: number): Row => {
    const [own, all] = [percentile(direct, share), percentile(through, share)];
    const row = atMost(`${what}, ${name}`, { value: goalMs, unit: 'ms' }, all - own);
    return { ...row, measured: `${row.measured} (${short(own)} → ${short(all)} ms)` };
  };
  return [added('p50', 0.5, 1), added('p99', 0.99, 5)];
}

/** A workspace that is active, and its owner's token for it. */
async function workspaceOf(product: Product): Promise<{ id: string; token: string }> {
  const { token: session } = await signIn(product.httpUrl, 'owner@hexabase.local', product.password);
  using rest = restClient({ url: product.httpUrl, token: session, connections: 1 });
  const id = await activeWorkspace(rest);
  const { token } = await rest.call<{ token: string }>('POST', `/api/v1/workspaces/${id}/kube-token`);
  return { id, token };
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

async function gatewayWay({ env, httpsUrl }: Product, id: string, token: string): Promise<Way> {
  const ca = succeed(await run(join(checkout, 'hexabase-cli'), ['authority'], { env }));
  return { name: 'gateway', url: `${httpsUrl}/k8s/workspaces/${id}`, ca, token };
}
