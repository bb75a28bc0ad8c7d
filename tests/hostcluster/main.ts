import { parseArgs } from 'node:util';
import { hostLevels, type HostLevel } from '@hexabase/testkit/host-cluster.ts';
import { buildBinaries } from './build/build.ts';
import { keepCluster, keptCluster, removeFiles, startCluster, stopCluster } from './cluster.ts';
import { possibleLevel, thisMachine } from './requirements.ts';

const usage = `node tests/hostcluster/main.ts build|start|env|stop|remove
  --level kwok|node|tenant  how much is real (tenant)
  --nodes N                 real nodes (2 at level tenant, 1 at level node)
  --fake-nodes N            nodes by KWOK (2 at level kwok, 0 above)
  --upgrade                 also the Kubernetes that tenants are upgraded from
  --kyverno                 also Kyverno, for the other form of the host's policies
  --argocd                  also Argo CD, kubelogin and oauth2-proxy, which sign people in with the product
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    level: { type: 'string' },
    nodes: { type: 'string' },
    'fake-nodes': { type: 'string' },
    upgrade: { type: 'boolean' },
    kyverno: { type: 'boolean' },
    argocd: { type: 'boolean' },
  },
});
const say = (line: string): void => void process.stderr.write(`${line}\n`);
const level: HostLevel = hostLevels.find((known) => known === (values.level ?? 'tenant')) ?? 'tenant';

switch (positionals[0]) {
  case 'build':
    expectPossible();
    await buildBinaries(level, {
      say,
      upgrade: values.upgrade,
      kyverno: values.kyverno,
      argocd: values.argocd,
    });
    break;
  case 'start':
    expectPossible();
    await startCluster({
      level,
      nodes: Number(values.nodes ?? (level === 'tenant' ? 2 : 1)),
      fakeNodes: Number(values['fake-nodes'] ?? (level === 'kwok' ? 2 : 0)),
      upgrade: values.upgrade,
      kyverno: values.kyverno,
      argocd: values.argocd,
      say,
    });
    keepCluster();
    printEnvironment();
    break;
  case 'env':
    printEnvironment();
    break;
  case 'stop':
    await stopCluster();
    break;
  case 'remove':
    await stopCluster();
    removeFiles();
    break;
  default:
    process.stderr.write(usage);
    process.exitCode = 2;
}

function expectPossible(): void {
  const possible = possibleLevel(level, thisMachine());
  if (possible.level === level) return;
  say(`Level ${level} cannot run here: ${possible.reasons.join('; ')}.`);
  process.exit(1);
}

/** For `eval "$(…)"`. */
function printEnvironment(): void {
  const cluster = keptCluster();
  for (const [name, value] of Object.entries(cluster?.environment ?? {})) {
    process.stdout.write(`export ${name}='${value}'\n`);
  }
}
