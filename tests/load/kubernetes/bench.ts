import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { makeAuthority, signServer } from '@hexabase/kernel/certificates/sign-certificates.ts';
import { serveKubernetes } from '@hexabase/kubernetes/serve.ts';
import { createPostgresPersistence } from '@hexabase/kubernetes/store/persistence-postgres.ts';
import { benchDatabase } from './bench-database.ts';
import type { LoadFigures, LoadPlan } from './bench-load.ts';
import { rounded, type Load } from './figures.ts';

/**
 * One cluster behind TLS with role-based access control, validation, admission and durable PostgreSQL commits; the load
 * comes from a process of its own. Prints a table and one line of JSON.
 * `node tests/load/kubernetes/bench.ts [milliseconds a step] [connections] [controllers]`
 */
const ms = Number(process.argv[2] ?? 5000);
const connections = Number(process.argv[3] ?? 32);
const controllers = process.argv[4] === 'controllers';

await using database = await benchDatabase();
const authority = await makeAuthority(['localhost'], Date.now());
const { certPem, keyPem } = await signServer(authority, ['localhost'], Date.now());
await using served = await serveKubernetes({
  port: 0,
  token: 'administrator',
  authorization: 'RBAC',
  nodes: 0,
  controllers,
  users: { bench: { username: 'bench@example.com', groups: ['system:authenticated', 'bench'] } },
  tls: { key: keyPem, cert: certPem },
  persistence: createPostgresPersistence(database.pool),
});
await grantEdit();

const plan: LoadPlan = {
  port: Number(new URL(served.url).port),
  ca: authority.certPem,
  token: 'bench',
  connections,
  ms,
};
const before = process.cpuUsage();
const start = performance.now();
const figures = await runLoad(plan);
const wall = performance.now() - start;
const { user, system } = process.cpuUsage(before);

const { listAll, watch, ...loads } = figures;
const rows = Object.entries(loads).map(([name, load]: [string, Load]) => [name, rounded(load)] as const);
console.table(Object.fromEntries(rows));
console.table({
  'watch, from sending the create (ms)': {
    p50: fixed(watch.fromRequestP50Ms),
    p99: fixed(watch.fromRequestP99Ms),
    events: watch.events,
  },
});
console.table({
  'watch, after the answer to the create (ms)': {
    p50: fixed(watch.afterAnswerP50Ms),
    p99: fixed(watch.afterAnswerP99Ms),
    events: watch.events,
  },
});
console.log(
  `a list of ${listAll.objects} objects at once: ${fixed(listAll.ms)} ms, ${fixed(listAll.mib)} MiB`,
);
console.log(
  JSON.stringify({
    ...figures,
    connections,
    controllers,
    serverCpu: fixed((user + system) / 1000 / wall),
    rssMib: residentMib(),
  }),
);

async function grantEdit(): Promise<void> {
  const [cluster] = await served.kubernetes.listClusters();
  if (cluster === undefined) throw new Error('There is no cluster.');
  const { status, body } = await served.kubernetes.request(cluster.id, {
    method: 'POST',
    path: '/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings',
    body: {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'bench' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' },
      subjects: [{ kind: 'Group', name: 'bench', apiGroup: 'rbac.authorization.k8s.io' }],
    },
  });
  if (status !== 201) throw new Error(JSON.stringify(body));
}

function runLoad(loadPlan: LoadPlan): Promise<LoadFigures> {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('./bench-load.ts', import.meta.url)), JSON.stringify(loadPlan)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(output));
      else reject(new Error(`The load generator ended with ${code}.`));
    });
  });
}

function residentMib(): number {
  const pages = Number(readFileSync('/proc/self/statm', 'utf8').split(' ')[1]);
  return Math.round((pages * 4096) / 1024 / 1024);
}

function fixed(value: number): number {
  return Number(value.toFixed(2));
}
