import { setTimeout as sleep } from 'node:timers/promises';
import { measure, percentile } from '../kubernetes/figures.ts';
import { cpuMsOf } from './process-memory.ts';
import { openLoop, type Planned } from './open-loop.ts';
import { startProduct } from './product.ts';
import { atMost, print } from './report.ts';
import { restClient } from './rest.ts';
import { createWorkspace, type CreatedWorkspace } from './workspaces.ts';

/** `node tests/load/product/api.ts [workspaces] [seconds]` */
const count = Number(process.argv[2] ?? 1000);
const seconds = Number(process.argv[3] ?? 20);
const perSecond = 500;
/** One request in ten changes something. */
const writeEvery = 10;
const creators = 8;
const organizationCount = 20;

await using product = await startProduct();
using rest = restClient({ url: product.httpUrl, token: await product.token(), connections: 64 });
const workspaces: CreatedWorkspace[] = [];
await Promise.all(
  Array.from({ length: creators }, async () => {
    while (workspaces.length < count) {
      workspaces.push(await createWorkspace(rest, `load ${workspaces.length}`, 100));
    }
  }),
);
const organizations = await Promise.all(
  Array.from({ length: organizationCount }, (_, n) =>
    rest.call<{ id: string }>('POST', '/api/v1/organizations', { name: `load ${n}` }),
  ),
);
const lists = await measure({ loops: 1, ms: 10_000 }, () => rest.call('GET', '/api/v1/workspaces?limit=500'));
await openLoop({ perSecond, seconds: 5 }, plan);
await sleep(2_000);
const before = cpuMsOf(product.pid);
const figures = await openLoop({ perSecond, seconds }, plan);
const after = cpuMsOf(product.pid);
const reads = figures.latenciesMs['read'] ?? [];
const writes = figures.latenciesMs['write'] ?? [];

print({
  title: 'API',
  how: `${count} workspaces; ${perSecond} requests/s for ${seconds} s in an open loop over at most 64 connections, each with authentication against the database, authorization, row-level security and, for changes, audit: of ten requests one renames one of ${organizationCount} organizations, eight read one workspace or organization, one lists 20. Latency counts from the moment a request was due. Lists of 500 are asked for one after the other before that.`,
  rows: [
    atMost('read, p99', { value: 50, unit: 'ms' }, percentile(reads, 0.99)),
    atMost('write, p99', { value: 150, unit: 'ms' }, percentile(writes, 0.99)),
    { ...atMost('requests not answered 2xx', { value: 0, unit: '' }, refusals()) },
    atMost(`list 500 of ${count} workspaces, p99`, { value: 200, unit: 'ms' }, lists.p99Ms),
  ],
  details: {
    answeredPerSecond: figures.perSecond,
    refused: figures.refused,
    cpuMsPerRequest: {
      server: (after.serverMs - before.serverMs) / (perSecond * seconds),
      database: (after.databaseMs - before.databaseMs) / (perSecond * seconds),
    },
    readMs: { p50: percentile(reads, 0.5), p99: percentile(reads, 0.99) },
    writeMs: { p50: percentile(writes, 0.5), p99: percentile(writes, 0.99) },
    list500: lists,
  },
});

function plan(sequence: number): Planned {
  const { id } = workspaces[(sequence * 7) % workspaces.length] ?? { id: '' };
  const organization = organizations[Math.floor(sequence / 10) % organizations.length]?.id ?? '';
  const read = (path: string): Planned => ({
    kind: 'read',
    send: async () => (await rest.send('GET', path)).status,
  });
  if (sequence % writeEvery === 0) {
    const body = { name: `renamed ${sequence} ${Math.random()}`.slice(0, 40) };
    return {
      kind: 'write',
      send: async () => (await rest.send('PATCH', `/api/v1/organizations/${organization}`, body)).status,
    };
  }
  if (sequence % writeEvery === 1) return read('/api/v1/workspaces?limit=20');
  return sequence % 2 === 0
    ? read(`/api/v1/workspaces/${id}`)
    : read(`/api/v1/organizations/${organization}`);
}

function refusals(): number {
  return Object.values(figures.refused).reduce((sum, n) => sum + n, 0);
}
