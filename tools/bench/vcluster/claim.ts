import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from '../../../tests/load/kubernetes/figures.ts';
import { atMost, short, type Row } from '../../../tests/load/product/report.ts';
import { tenantHost, type VclusterPart } from './part.ts';
import { productOnHost, until } from './product-on-host.ts';
import { readyControlPlanes } from './wake.ts';

const rounds = 5;
/** The pool looks once a second whether a tenant that has started answers, and then prepares it. */
const settleMs = 6_000;

/** How long a workspace takes that was made before anybody asked for it. */
export const claimPart: VclusterPart = {
  name: 'claim',
  title: 'claimed from the warm pool',
  how: `A warm pool of one, ${rounds} rounds: a workspace from the request until it is active, looked at every 20 ms, and kubectl's first request through the gateway is answered; the next tenant has started before the next round.`,
  async run() {
    const host = tenantHost();
    await using product = await productOnHost(host, 1);
    const active: number[] = [];
    const answered: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      await until('the pool has a tenant', async () => (await readyControlPlanes(host)) > 0);
      await sleep(settleMs);
      const begun = performance.now();
      const id = await product.create(`warm ${round}`);
      active.push(performance.now() - begun);
      const token = await product.kubeToken(id);
      const status = await product.gateway.get(`/k8s/workspaces/${id}/api/v1/namespaces`, token);
      if (status !== 200) throw new Error(`the gateway answered ${status}`);
      answered.push(performance.now() - begun);
      await product.remove(id);
    }
    return {
      rows: [
        seconds('claimed from the warm pool → active, p50', active),
        seconds('claimed from the warm pool → kubectl answers, p50', answered),
      ],
      details: { activeMs: active, answeredMs: answered },
    };
  },
};

/** With the slowest one beside it. */
function seconds(what: string, values: readonly number[]): Row {
  const row = atMost(what, { value: 1, unit: 's' }, percentile(values, 0.5) / 1000);
  return { ...row, measured: `${row.measured} (max ${short(Math.max(...values) / 1000)} s)` };
}
