import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApplicableObject } from '@hexabase/cluster/kube-api/apply.ts';
import { resourcePath } from '@hexabase/cluster/kube-api/resource-path.ts';
import type { TenantRequest } from '@hexabase/cluster/port.ts';
import { freePort } from '../free-port.ts';
import { writeKubeconfig, type TestKubeUser } from '../kube-api-server.ts';
import { start, until } from '../running-program.ts';
import type { PolicyHost } from './policy-host.ts';

/** Kyverno’s account on the host, with the rights that its own chart gives it and no others. */
export const kyvernoUser: TestKubeUser = {
  token: 'kyverno',
  name: 'system:serviceaccount:kyverno:kyverno-admission-controller',
  groups: ['system:serviceaccounts', 'system:serviceaccounts:kyverno'],
};

/** Folder of the binaries when Kyverno is among them; null else: its suites are skipped then. */
export function withKyverno(binaries: string | null): string | null {
  return binaries !== null && existsSync(join(binaries, 'kyverno')) ? binaries : null;
}

/**
 * Kyverno’s admission controller as a process beside the API server, which reaches it on loopback, with what its chart
 * puts on a host: its settings, rights and kinds. `kyvernoUser` must be able to sign in there.
 */
export async function startKyverno(binaries: string, host: PolicyHost): Promise<AsyncDisposable> {
  await install(host, join(binaries, 'kyverno.json'));
  const folder = await mkdtemp(join(tmpdir(), 'hks-kyverno-'));
  const kubeconfig = join(folder, 'kubeconfig');
  const { url, certificateAuthority: authority } = host.server;
  await writeKubeconfig(kubeconfig, { url, authority, token: kyvernoUser.token });
  const kyverno = start(join(binaries, 'kyverno'), flags(kubeconfig, await freePort()), environment);
  const stop = async (): Promise<void> => {
    await kyverno.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await until([kyverno], async () => (await judgesPolicies(host)) || null);
    return { [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Its chart sets these. */
const environment = {
  INIT_CONFIG: 'kyverno',
  METRICS_CONFIG: 'kyverno-metrics',
  KYVERNO_NAMESPACE: 'kyverno',
  KYVERNO_POD_NAME: 'kyverno-admission-controller-0',
  KYVERNO_SERVICEACCOUNT_NAME: 'kyverno-admission-controller',
  KYVERNO_ROLE_NAME: 'kyverno:admission-controller',
  KYVERNO_SVC: 'kyverno-svc',
  KYVERNO_DEPLOYMENT: 'kyverno-admission-controller',
};

const flags = (kubeconfig: string, port: number): string[] => [
  `--kubeconfig=${kubeconfig}`,
  `--serverIP=127.0.0.1:${port}`,
  `--webhookServerPort=${port}`,
  '--webhookServerHost=::ffff:127.0.0.1',
  '--caSecretName=kyverno-svc.kyverno.svc.kyverno-tls-ca',
  '--tlsSecretName=kyverno-svc.kyverno.svc.kyverno-tls-pair',
  '--backgroundServiceAccountName=system:serviceaccount:kyverno:kyverno-background-controller',
  '--reportsServiceAccountName=system:serviceaccount:kyverno:kyverno-reports-controller',
  '--disableMetrics=true',
  '--controllerRuntimeMetricsAddress=0',
  '--admissionReports=false',
  '--generateValidatingAdmissionPolicy=true',
];

/** Nothing runs in pods here, and what its pods would be is left out. */
const skipped = new Set(['Deployment', 'Job', 'Pod', 'PodDisruptionBudget']);

async function install(host: PolicyHost, path: string): Promise<void> {
  const rendered: ApplicableObject[] = JSON.parse(await readFile(path, 'utf8'));
  const objects = rendered.filter(({ kind }) => !skipped.has(kind));
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kyverno' } };
  for (const object of [namespace, ...objects, ...aggregated]) {
    const { status, body } = await host.create(object);
    if (status !== 201) throw new Error(`${object.kind} ${object.metadata.name}: ${JSON.stringify(body)}`);
  }
  // An API server serves a kind some seconds after it was told of it; Kyverno does not wait for that.
  await until([], async () => (await serves(host, policies)) || null);
}

/** Both roles of Kyverno’s account are put together of others by a controller that does not run here. */
const aggregated: readonly ApplicableObject[] = [
  'kyverno:admission-controller:core',
  'system:aggregate-to-view',
].map((name) => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: `aggregated:${name}` },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
  subjects: [{ kind: 'ServiceAccount', name: 'kyverno-admission-controller', namespace: 'kyverno' }],
}));

const policies = resourcePath('policies.kyverno.io/v1', 'ValidatingPolicy');

const asked = (host: PolicyHost, request: TenantRequest) => host.as('administrator').request(request);

const serves = async (host: PolicyHost, path: string): Promise<boolean> =>
  (await asked(host, { method: 'GET', path })).status === 200;

/**
 * It registers its webhooks when it is the leader, and has read its certificate some moments later: then it looks at
 * policies itself, and refuses one about nothing, which its kind alone would allow.
 */
async function judgesPolicies(host: PolicyHost): Promise<boolean> {
  const body = {
    apiVersion: 'policies.kyverno.io/v1',
    kind: 'ValidatingPolicy',
    metadata: { name: 'about-nothing' },
    spec: { matchConstraints: { resourceRules: [] }, validations: [{ expression: 'true' }] },
  };
  const answer = await asked(host, { method: 'POST', path: `${policies}?dryRun=All`, body });
  return JSON.stringify(answer.body).includes('denied the request');
}
