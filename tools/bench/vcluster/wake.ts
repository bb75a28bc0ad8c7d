import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { metaOf, fieldOf } from '@hexabase/cluster/drivers/vcluster/host/objects.ts';
import { readAll, readOne } from '@hexabase/cluster/drivers/vcluster/host/read.ts';
import { namesOf, ownerLabels } from '@hexabase/cluster/drivers/vcluster/names.ts';
import { createKubeClient, type KubeClient } from '@hexabase/cluster/kube-api/client.ts';
import { parseKubeconfig } from '@hexabase/cluster/kube-api/endpoint.ts';
import { resourcePath } from '@hexabase/cluster/kube-api/resource-path.ts';
import type { HostCluster } from '@hexabase/testkit/host-cluster.ts';
import { hostUnderTest } from '@hexabase/testkit/vcluster-under-test.ts';
import { findCondition, type Condition } from '@hexabase/kernel/conditions.ts';
import { brandId } from '@hexabase/kernel/id.ts';
import { percentile } from '../../../tests/load/kubernetes/figures.ts';
import { atMost, short } from '../../../tests/load/product/report.ts';
import { tenantHost, type VclusterPart } from './part.ts';
import { productOnHost, until, type ProductOnHost } from './product-on-host.ts';

const rounds = 3;

/** What waking by a held request adds to the start of the tenant's API server. */
export const wakePart: VclusterPart = {
  name: 'wake',
  title: 'waking by a held request',
  how: `One workspace, ${rounds} rounds: it is put to sleep, and once nothing of it runs one request of kubectl, held by the gateway, wakes it; in turn its StatefulSet is scaled to 0 and 1 by hand until the tenant's own address answers the same request, asked every 20 ms.`,
  async run() {
    const host = tenantHost();
    await using product = await productOnHost(host, 0);
    await using under = await hostUnderTest(host);
    const id = await product.create('sleeper');
    const token = await product.kubeToken(id);
    const upstream = await under.driver().upstream(brandId<'Workspace'>(id));
    if (upstream.kind !== 'url') throw new Error('the tenant has no address');
    const direct = {
      url: upstream.url,
      ca: upstream.certificateAuthority,
      token: () => product.kubeToken(id),
    };
    const held: number[] = [];
    const cold: number[] = [];
    let failed = 0;
    for (let round = 0; round < rounds; round += 1) {
      await product.rest.call('POST', `/api/v1/workspaces/${id}/sleep`);
      await until('nothing of it runs', () => isStopped(product, id));
      const begun = performance.now();
      const status = await product.gateway.get(`/k8s/workspaces/${id}/api/v1/namespaces`, token);
      if (status === 200) held.push(performance.now() - begun);
      else failed += 1;
      await product.inPhase(id, 'active');
      cold.push(await coldStart(under.host, id, direct));
    }
    const [own, plain] = [percentile(held, 0.5), percentile(cold, 0.5)];
    const row = atMost(
      'wake by a held request, above the cold start of the API server',
      { value: 1, unit: 's' },
      (own - plain) / 1000,
    );
    const seconds = `${short(own / 1000)} s against ${short(plain / 1000)} s, medians`;
    return {
      rows: [
        { ...row, measured: `${row.measured} (${seconds})` },
        atMost('requests that woke it and failed', { value: 0, unit: 'requests' }, failed),
      ],
      details: { heldMs: held, coldMs: cold, failed },
    };
  },
};

/** The phase says `asleep` from when requests are held; what still stops would be measured as waking. */
async function isStopped({ rest }: ProductOnHost, id: string): Promise<boolean> {
  const { conditions } = await rest.call<{ conditions: Condition[] }>('GET', `/api/v1/workspaces/${id}`);
  return findCondition(conditions, 'Asleep')?.status === 'True';
}

/** Control planes of the product on this host that are ready. */
export async function readyControlPlanes({ kubeconfig }: HostCluster): Promise<number> {
  using host = createKubeClient(parseKubeconfig(readFileSync(kubeconfig, 'utf8')));
  const [[label = '', value = ''] = []] = Object.entries(ownerLabels(''));
  const selection = { apiVersion: 'apps/v1', kind: 'StatefulSet', labelSelector: `${label}=${value}` };
  const all = await readAll(host, selection, AbortSignal.timeout(10_000));
  return all.filter((one) => fieldOf(one, 'status', 'readyReplicas') === 1 && !metaOf(one).deleting).length;
}

interface Direct {
  url: string;
  ca: string;
  token(): Promise<string>;
}

/** Milliseconds from the moment at which it may run until it answers. */
async function coldStart(host: KubeClient, id: string, direct: Direct): Promise<number> {
  const { namespace, release } = namesOf(id);
  await scale(host, id, 0);
  const pod = { apiVersion: 'v1', kind: 'Pod', namespace, name: `${release}-0` };
  await until('the pod is gone', async () => (await readOne(host, pod, AbortSignal.timeout(5_000))) === null);
  const token = await direct.token();
  const begun = performance.now();
  await scale(host, id, 1);
  await until('the tenant answers', async () => (await ask(direct, token)) === 200);
  return performance.now() - begun;
}

async function scale(host: KubeClient, id: string, replicas: number): Promise<void> {
  const { namespace, release } = namesOf(id);
  const { status, body } = await host.request({
    method: 'PATCH',
    path: `${resourcePath('apps/v1', 'StatefulSet', { namespace, name: release })}/scale`,
    contentType: 'application/merge-patch+json',
    body: { spec: { replicas } },
  });
  if (status !== 200) throw new Error(`scaling was answered with ${status}: ${JSON.stringify(body)}`);
}

function ask({ url, ca }: Direct, token: string): Promise<number> {
  const agent = new Agent({ ca });
  return new Promise<number>((resolve, reject) => {
    const options = {
      agent,
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(1_000),
    };
    request(`${url}/api/v1/namespaces`, options, (answer) => {
      answer.resume();
      answer.once('end', () => resolve(answer.statusCode ?? 0));
      answer.once('error', reject);
    })
      .once('error', reject)
      .end();
  }).finally(() => agent.destroy());
}
