import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { percentile } from '../kubernetes/figures.ts';
import { launcher, startProduct } from './product.ts';
import { atMost, print } from './report.ts';
import { restClient } from './rest.ts';
import { createWorkspace } from './workspaces.ts';

/** `node tests/load/product/credential.ts [calls]` */
const calls = Number(process.argv[2] ?? 200);

await using product = await startProduct();
using rest = restClient({ url: product.httpUrl, token: await product.token(), connections: 1 });
const { id } = await createWorkspace(rest, 'credential', 20);
const env = { ...process.env, HKS_CONFIG: product.configFile };
// One process asks twice only after a refusal, so each measured call comes, as from kubectl, from a shell of its own.
const credential = ['sh', ['-c', `"${launcher}" kube-credential --workspace ${id}; exit $?`]] as const;
const nothing = ['sh', ['-c', '"/bin/sh" -c "exit 0"; exit $?']] as const;

const first = timed(credential);
const cached: number[] = [];
const baseline: number[] = [];
for (let n = 0; n < calls; n++) {
  cached.push(timed(credential));
  baseline.push(timed(nothing));
}
const own = percentile(cached, 0.5) - percentile(baseline, 0.5);

print({
  title: 'Credentials for kubectl',
  how: `\`hks kube-credential\` with a valid cached token, median of ${calls} calls, each from a new shell; and the same with \`sh -c 'exit 0'\` in its place.`,
  rows: [
    atMost('`hks kube-credential` with a cached token', { value: 30, unit: 'ms' }, percentile(cached, 0.5)),
  ],
  details: {
    firstMs: first,
    cachedMs: { p50: percentile(cached, 0.5), p99: percentile(cached, 0.99) },
    shellMs: { p50: percentile(baseline, 0.5), p99: percentile(baseline, 0.99) },
    aboveShellMs: own,
    launcher: path.basename(launcher),
  },
});

function timed([command, args]: readonly [string, readonly string[]]): number {
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(command, args, { env, encoding: 'utf8', timeout: 30_000 });
  if (status !== 0) throw new Error(`${stdout}${stderr}`);
  return performance.now() - start;
}
