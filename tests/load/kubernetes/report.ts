import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { print, type Row } from '../product/report.ts';
import type { LoadFigures } from './bench-load.ts';

/** `node tests/load/kubernetes/report.ts [milliseconds a step]`: `bench.ts` beside the figures of the real thing. */
const ms = process.argv[2] ?? '5000';
const connections = 32;

/** kube-apiserver with etcd on a machine like the one this was first measured on: two cores, nothing else on them. */
const reference = { creates: [450, 510], gets: [1240, 1860], watchP99Ms: [10, 12] } as const;

const bench = fileURLToPath(new URL('./bench.ts', import.meta.url));
const { status, stdout } = spawnSync(process.execPath, [bench, ms, String(connections)], {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
  maxBuffer: 64 * 1024 * 1024,
});
if (status !== 0) throw new Error(`The benchmark ended with ${status}: ${stdout.slice(-1000)}`);
const figures: LoadFigures = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');

print({
  title: 'Embedded Kubernetes, one cluster',
  how: `Deployments of 2.3 KB over ${connections} TLS connections from another process, ${Number(ms) / 1000} s a step; role-based access control, validation, admission and durable commits on. Reference: kube-apiserver and etcd on such a machine.`,
  rows: [
    more('creates/s', reference.creates, figures.create.perSecond),
    more('gets/s', reference.gets, figures.get.perSecond),
    less(
      'watch event after the answer to its create, p99',
      reference.watchP99Ms,
      figures.watch.afterAnswerP99Ms,
    ),
  ],
  details: { ...figures },
});

/** Met only when it is as good as the best of the reference. */
function more(what: string, [low, high]: readonly [number, number], value: number): Row {
  const ratio = `${(value / high).toFixed(1)}× to ${(value / low).toFixed(1)}×`;
  return { what, goal: `≥ ${low}–${high}`, measured: `${Math.round(value)} (${ratio})`, met: value >= high };
}

function less(what: string, [low, high]: readonly [number, number], valueMs: number): Row {
  return { what, goal: `≤ ${low}–${high} ms`, measured: `${valueMs.toFixed(1)} ms`, met: valueMs <= low };
}
