import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '@hexabase/testkit/free-port.ts';
import { startKubeApiServer } from '@hexabase/testkit/kube-api-server.ts';
import { start, until } from '@hexabase/testkit/running-program.ts';
import { succeed } from '../product.ts';
import { run } from '../programs.ts';

const admin = { token: 'admin', name: 'admin', groups: ['system:masters'] };
const kinds = ['application', 'applicationset', 'appproject'] as const;

/** Argo CD's API server, with a Kubernetes and a cache of its own; none of its controllers. */
export interface ArgoCd extends AsyncDisposable {
  url: string;
  /** Its command line. */
  program: string;
}

/** Starts it with these ConfigMaps (YAML), which may name its address as `https://argocd.example.com`. */
export async function startArgoCd(
  { binaries, folder }: { binaries: string; folder: string },
  settings: string,
): Promise<ArgoCd> {
  const [port, redisPort, metricsPort] = await Promise.all([freePort(), freePort(), freePort()]);
  const url = `http://localhost:${port}`;
  await using started = new AsyncDisposableStack();
  const api = started.use(await startKubeApiServer(binaries, [admin]));
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, kubeconfigOf(api));
  const env = { ...process.env, KUBECONFIG: kubeconfig, HOME: folder };
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'argocd' } },
    ...kinds.map(definitionOf),
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: 'argocd-secret',
        namespace: 'argocd',
        labels: { 'app.kubernetes.io/part-of': 'argocd' },
      },
    },
  ].map((one) => JSON.stringify(one));
  const input = [...objects, settings.replaceAll('https://argocd.example.com', url)].join('\n---\n');
  succeed(await run(join(binaries, 'kubectl'), ['apply', '-f', '-'], { env, input }));
  const redis = start('redis-server', ['--port', `${redisPort}`, '--bind', '127.0.0.1', '--save', '']);
  started.defer(() => redis.stop());
  // The one binary is the server or the command line by its name.
  const [program, named] = [join(binaries, 'argocd'), join(folder, 'argocd-server')];
  await symlink(program, named);
  const server = start(
    named,
    [
      '--insecure',
      '--address=127.0.0.1',
      `--port=${port}`,
      '--metrics-address=127.0.0.1',
      `--metrics-port=${metricsPort}`,
      `--redis=127.0.0.1:${redisPort}`,
      `--kubeconfig=${kubeconfig}`,
      '--loglevel=warn',
    ],
    { HOME: folder },
  );
  started.defer(() => server.stop());
  await until([server, redis], async () => (await fetch(`${url}/healthz`)).ok || null);
  const stop = started.move();
  return { url, program, [Symbol.asyncDispose]: () => stop.disposeAsync() };
}

function kubeconfigOf({ url, certificateAuthority }: { url: string; certificateAuthority: string }): string {
  const authority = Buffer.from(certificateAuthority).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'home', cluster: { server: url, 'certificate-authority-data': authority } }],
    users: [{ name: 'home', user: { token: admin.token } }],
    contexts: [{ name: 'home', context: { cluster: 'home', user: 'home', namespace: 'argocd' } }],
    'current-context': 'home',
  });
}

/** As Argo CD's own, but for the schema, which takes anything. */
function definitionOf(kind: (typeof kinds)[number]): unknown {
  const plural = `${kind}s`;
  const named = { application: 'Application', applicationset: 'ApplicationSet', appproject: 'AppProject' }[
    kind
  ];
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.argoproj.io` },
    spec: {
      group: 'argoproj.io',
      scope: 'Namespaced',
      names: { kind: named, plural, singular: kind, listKind: `${named}List` },
      versions: [{ name: 'v1alpha1', served: true, storage: true, schema }],
    },
  };
}
