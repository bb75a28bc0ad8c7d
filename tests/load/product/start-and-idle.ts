import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from '../kubernetes/figures.ts';
import { memoryOf } from './process-memory.ts';
import { startProduct } from './product.ts';
import { atMost, print } from './report.ts';

/** `node tests/load/product/start-and-idle.ts [starts] [idle seconds]` */
const starts = Number(process.argv[2] ?? 5);
const idleSeconds = Number(process.argv[3] ?? 30);

await using product = await startProduct();
const ready: number[] = [];
for (let n = 0; n < starts; n++) {
  await product.stop();
  const start = performance.now();
  await product.hks('up', '--detach');
  ready.push((performance.now() - start) / 1000);
}
await product.refresh();
await sleep(idleSeconds * 1000);
const memory = memoryOf(product.pid);

print({
  title: 'Start and idle',
  how: `\`hks up --detach\` on an existing data folder until it returns, median of ${starts}; then ${idleSeconds} s without a request, and the resident pages of the server and the proportional set size of the database’s processes.`,
  rows: [
    atMost('`./hks up` to ready', { value: 3, unit: 's' }, percentile(ready, 0.5)),
    atMost('idle memory of all processes (PSS)', { value: 350, unit: 'MB' }, memory.totalMib * 1.048_576),
  ],
  details: { readySeconds: ready, memoryMib: memory },
});
