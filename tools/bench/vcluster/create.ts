import type { KubeClient } from '@hexabase/cluster/kube-api/client.ts';
import { namesOf } from '@hexabase/cluster/drivers/vcluster/names.ts';
import { hostUnderTest, type HostUnderTest } from '@hexabase/testkit/vcluster-under-test.ts';
import { percentile } from '../../../tests/load/kubernetes/figures.ts';
import { atMost, short } from '../../../tests/load/product/report.ts';
import { bareTenant } from './bare-tenant.ts';
import { followPod, inWords, type PodMarks } from './pod-marks.ts';
import { tenantHost, type VclusterPart } from './part.ts';
import { productOnHost, type ProductOnHost } from './product-on-host.ts';

const rounds = 6;

/** One start, in milliseconds from its request. */
interface Start {
  answeredMs: number;
  marks: PodMarks;
}

/** What the product adds to the start of a vCluster. */
export const createPart: VclusterPart = {
  name: 'create',
  title: 'creating a workspace',
  how: `A workspace from the request until kubectl's first request is answered through the gateway, and in turn the bare chart with the same values by server-side apply until its API answers and its pod is ready, ${rounds} rounds that begin now with the one, now with the other, images present, helm not counted, each removed before the next begins. The pod of each is looked at every 50 ms.`,
  async run() {
    const host = tenantHost();
    await using product = await productOnHost(host, 0);
    await using under = await hostUnderTest(host);
    const ours: Start[] = [];
    const bare: Start[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const own = async () => ours.push(await startOurs(product, under.host, `cold ${round}`));
      const plain = async () => bare.push(await startBare(under));
      for (const start of round % 2 === 0 ? [own, plain] : [plain, own]) await start();
    }
    const [own, plain] = [median(ours), median(bare)];
    const row = atMost(
      'create → kubectl answers, cold, by the bare chart',
      { value: 1.05, unit: '×' },
      own / plain,
    );
    const seconds = `${short(own / 1000)} s against ${short(plain / 1000)} s, medians`;
    return {
      rows: [{ ...row, measured: `${row.measured} (${seconds})` }],
      notes: [`Where the time goes, ours (medians): ${inWords(ours)}.`, `The bare chart: ${inWords(bare)}.`],
      details: { ours, bare },
    };
  },
};

async function startOurs(product: ProductOnHost, host: KubeClient, name: string): Promise<Start> {
  const begun = performance.now();
  const id = await product.request(name);
  await using pod = followPod(host, { ...namesOf(id), begun });
  await product.inPhase(id, 'active');
  const activeMs = performance.now() - begun;
  const token = await product.kubeToken(id);
  const status = await product.gateway.get(`/k8s/workspaces/${id}/api/v1/namespaces`, token);
  if (status !== 200) throw new Error(`the gateway answered ${status}`);
  const answeredMs = performance.now() - begun;
  const marks = { ...(await pod.marks()), active: activeMs };
  await product.remove(id);
  return { answeredMs, marks };
}

async function startBare(under: HostUnderTest): Promise<Start> {
  const tenant = await bareTenant(under);
  await using pod = followPod(under.host, { ...tenant, begun: performance.now() });
  try {
    const answeredMs = await tenant.start();
    return { answeredMs, marks: await pod.marks() };
  } finally {
    await tenant.remove();
  }
}

function median(starts: readonly Start[]): number {
  return percentile(
    starts.map(({ answeredMs }) => answeredMs),
    0.5,
  );
}
