import { measure, percentile } from '../kubernetes/figures.ts';
import { startProduct } from './product.ts';
import { atLeast, atMost, print } from './report.ts';
import { restClient } from './rest.ts';
import { createWorkspace, firstKubeCall, openGateway } from './workspaces.ts';

/** `node tests/load/product/workspace-create.ts [one by one] [milliseconds of 8 creators]` */
const singles = Number(process.argv[2] ?? 100);
const ms = Number(process.argv[3] ?? 15_000);
const creators = 8;
const nearMs = 20;
/** What the command line does. */
const crowdMs = 100;

await using product = await startProduct();
using rest = restClient({ url: product.httpUrl, token: await product.token(), connections: creators });
using gateway = openGateway(product);

for (let n = 0; n < 5; n++)
  await firstKubeCall(rest, gateway, (await createWorkspace(rest, `warm up ${n}`, nearMs)).id);
const active: number[] = [];
const whole: number[] = [];
for (let n = 0; n < singles; n++) {
  const start = performance.now();
  const { id } = await createWorkspace(rest, `single ${n}`, nearMs);
  active.push(performance.now() - start);
  await firstKubeCall(rest, gateway, id);
  whole.push(performance.now() - start);
}
const sustained = await measure({ loops: creators, ms }, (n) => createWorkspace(rest, `crowd ${n}`, crowdMs));

print({
  title: 'Creating workspaces',
  how: `${singles} one by one: POST, polled every ${nearMs} ms until active, a token, then GET namespaces over a new TLS connection; then ${creators} creators at once for ${ms / 1000} s, each polling every ${crowdMs} ms until its workspace is active.`,
  rows: [
    atMost(
      'create request → first successful kubectl call, p50',
      { value: 0.3, unit: 's' },
      percentile(whole, 0.5) / 1000,
    ),
    atMost('the same, p99', { value: 1, unit: 's' }, percentile(whole, 0.99) / 1000),
    atLeast('sustained, active workspaces', { value: 20, unit: '/s' }, sustained.perSecond),
  ],
  details: {
    activeMs: { p50: percentile(active, 0.5), p99: percentile(active, 0.99) },
    firstCallMs: { p50: percentile(whole, 0.5), p99: percentile(whole, 0.99), worst: Math.max(...whole) },
    sustained,
  },
});
