import { setTimeout as sleep } from 'node:timers/promises';
import { memoryOf } from './process-memory.ts';
import { startProduct } from './product.ts';
import { atMost, print } from './report.ts';
import { restClient } from './rest.ts';
import { createWorkspace } from './workspaces.ts';

/** `node tests/load/product/idle-workspaces.ts [workspaces] [idle seconds]` */
const count = Number(process.argv[2] ?? 1000);
/** A cluster is let go after half a minute without use, and leaves memory some 100 s after its last use. */
const idleSeconds = Number(process.argv[3] ?? 150);
const creators = 8;
const crowdMs = 100;

await using product = await startProduct();
using rest = restClient({ url: product.httpUrl, token: await product.token(), connections: creators });

// The first ones warm the process up: compiled code and pools are not the price of a workspace.
await create('first', 100);
await sleep(idleSeconds * 1000);
const before = memoryOf(product.pid);
const start = performance.now();
await create('idle', count);
const seconds = (performance.now() - start) / 1000;
await sleep(idleSeconds * 1000);
const after = memoryOf(product.pid);
const addedMib = after.totalMib - before.totalMib;

print({
  title: 'Idle workspaces',
  how: `100 workspaces first, then ${count} more; the resident pages of the server and the proportional set size of the database’s processes, each time after ${idleSeconds} s without a request.`,
  rows: [
    atMost('memory per idle workspace', { value: 64, unit: 'KiB' }, (addedMib * 1024) / count),
    atMost(`memory that ${count} idle workspaces add (PSS)`, { value: 64, unit: 'MiB' }, addedMib),
  ],
  details: { before, after, createdPerSecond: count / seconds },
});

async function create(name: string, wanted: number): Promise<void> {
  let next = 0;
  const loop = async (): Promise<void> => {
    while (next < wanted) await createWorkspace(rest, `${name} ${next++}`, crowdMs);
  };
  await Promise.all(Array.from({ length: creators }, loop));
}
