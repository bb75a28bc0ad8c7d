import { setTimeout as sleep } from 'node:timers/promises';
import { ownHost } from '@hexabase/testkit/host-cluster.ts';
import { atMost, short, type Row } from '../../../tests/load/product/report.ts';
import { startScaleStand, type ScaleStand, type Usage } from '../../../tests/load/vcluster/scale-stand.ts';
import type { VclusterPart } from './part.ts';

/** `node tools/bench/vcluster/report.ts scale [workspaces] [idle seconds]` */
const count = Number(process.argv[3] ?? 1000);
const idleSeconds = Number(process.argv[4] ?? 180);
/** These warm the processes up: compiled code and pools are not the price of a workspace. */
const firstCount = Math.min(50, Math.floor(count / 2));

/** What workspaces cost our own processes, and how far one worker reaches. */
export const scalePart: VclusterPart = {
  name: 'scale',
  title: `${count} workspaces on one worker`,
  how: `One worker process of the product (workspaces, access and namespaces; no warm pool, gateway or REST API) and its PostgreSQL (without fsync) on this machine beside a host with a real kube-apiserver, etcd and controllers. Simulated: nodes, kubelets and pods; the tenants' APIs are those of the embedded driver, in the process of this benchmark. ${firstCount} workspaces first, then the others up to ${count}. Resync lag: every key is made due at once, until the worker has looked at the last one. Idle: the looks spread over the ten minutes of a resync, ${idleSeconds} s; memory is the resident pages of the worker and the proportional set size of the database, above what they had with the first workspaces.`,
  async run() {
    const own = ownHost();
    if (own === null) throw new Error('HKS_KUBE_BIN, HKS_VCLUSTER_CHART and HKS_HELM are needed.');
    await using stand = await startScaleStand(own);
    await stand.create(firstCount);
    const first = await idle(stand, Math.min(30, idleSeconds));
    const createMs = await stand.create(count - firstCount);
    const before = await stand.usage();
    const resyncMs = await stand.resyncAll();
    const resyncCpuMs = (await stand.usage()).cpuMs - before.cpuMs;
    const queue = await stand.queue();
    const all = await idle(stand, idleSeconds);
    const addedMib = memoryOf(all.after) - memoryOf(first.after);
    const perWorkspace = addedMib / (count - firstCount);
    return {
      rows: [
        withTotal(
          atMost('memory of our own processes per idle workspace', { value: 1, unit: 'MiB' }, perWorkspace),
          `${short(addedMib)} MiB for ${count - firstCount}`,
        ),
        withTotal(
          atMost(
            'CPU of our own processes per idle workspace',
            { value: 0.1, unit: '%' },
            all.percent / count,
          ),
          `${short(all.percent)} % of a core for ${count}`,
        ),
        atMost(`resync lag of ${count} workspaces`, { value: 2, unit: 'min' }, resyncMs / 60_000),
        atMost('keys that fail', { value: 0, unit: '' }, queue.failing),
      ],
      details: {
        count,
        firstCount,
        createdPerSecond: (count - firstCount) / (createMs / 1000),
        resyncSeconds: resyncMs / 1000,
        resyncCpuMsPerWorkspace: resyncCpuMs / count,
        queue,
        first,
        all,
      },
    };
  },
};

interface Idle {
  after: Usage;
  /** Of one core. */
  percent: number;
}

async function idle(stand: ScaleStand, seconds: number): Promise<Idle> {
  await stand.spreadResync();
  const before = await stand.usage();
  await sleep(seconds * 1000);
  const after = await stand.usage();
  return { after, percent: (100 * (after.cpuMs - before.cpuMs)) / (after.atMs - before.atMs) };
}

function memoryOf({ workerMib, databaseMib }: Usage): number {
  return workerMib + databaseMib;
}

function withTotal(row: Row, total: string): Row {
  return { ...row, measured: `${row.measured} (${total})` };
}
