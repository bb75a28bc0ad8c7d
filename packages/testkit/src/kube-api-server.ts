import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { start, until, type Running } from './running-program.ts';

/** Somebody who may sign in with a token of this text. */
export interface TestKubeUser {
  token: string;
  name: string;
  groups?: readonly string[];
}

/** A real kube-apiserver with its own etcd; controllers when they are wanted, never nodes. */
export interface TestKubeApiServer extends AsyncDisposable {
  url: string;
  /** PEM. */
  certificateAuthority: string;
}

/**
 * Starts it from this folder of binaries on free ports of the loopback interface. With `controllers` the controller
 * manager runs too, as the first user, who must be an administrator; `more` are flags of the API server's. Throws with their
 * last words.
 */
export async function startKubeApiServer(
  binaries: string,
  users: readonly TestKubeUser[],
  { controllers = false, more = [] }: { controllers?: boolean; more?: readonly string[] } = {},
): Promise<TestKubeApiServer> {
  const folder = await mkdtemp(join(tmpdir(), 'hks-kube-'));
  const [etcdPort, peerPort, port] = await Promise.all([freePort(), freePort(), freePort()]);
  await writeKeys(folder, users);
  const etcd = start(join(binaries, 'etcd'), etcdFlags(folder, etcdPort, peerPort));
  const flags = [...apiServerFlags(folder, etcdPort, port), ...(controllers ? [] : withoutAccounts), ...more];
  const apiServer = start(join(binaries, 'kube-apiserver'), flags);
  const running = [etcd, apiServer];
  const stop = async (): Promise<void> => {
    for (const one of running.toReversed()) await one.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  const url = `https://127.0.0.1:${port}`;
  try {
    const certificateAuthority = await until([apiServer, etcd], async () => {
      const pem = await readFile(join(folder, 'certificates/apiserver.crt'), 'utf8');
      return (await answers(url, pem, users[0]?.token ?? '')) ? pem : null;
    });
    if (controllers)
      running.push(await startControllers(binaries, { folder, url, token: users[0]?.token ?? '' }));
    return { url, certificateAuthority, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function etcdFlags(folder: string, port: number, peerPort: number): string[] {
  const [client, peer] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peerPort}`];
  return [
    '--name=test',
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=test=${peer}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
}

function apiServerFlags(folder: string, etcdPort: number, port: number): string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    '--advertise-address=127.0.0.1',
    `--cert-dir=${join(folder, 'certificates')}`,
    '--endpoint-reconciler-type=none',
    '--service-cluster-ip-range=10.97.0.0/16',
    '--authorization-mode=Node,RBAC',
    '--allow-privileged=true',
    `--token-auth-file=${join(folder, 'tokens.csv')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${join(folder, 'accounts.pub')}`,
    `--service-account-signing-key-file=${join(folder, 'accounts.key')}`,
  ];
}

/** Nothing makes accounts then, so pods must do without. */
const withoutAccounts = ['--disable-admission-plugins=ServiceAccount'];

async function startControllers(
  binaries: string,
  { folder, url, token }: { folder: string; url: string; token: string },
): Promise<Running> {
  const kubeconfig = join(folder, 'controllers.kubeconfig');
  const authority = join(folder, 'certificates/apiserver.crt');
  await writeKubeconfig(kubeconfig, { url, authority: await readFile(authority), token });
  return start(join(binaries, 'kube-controller-manager'), [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    `--service-account-private-key-file=${join(folder, 'accounts.key')}`,
    `--root-ca-file=${authority}`,
    '--secure-port=0',
    '--leader-elect=false',
  ]);
}

/** For a program that is somebody with a token. */
export function writeKubeconfig(
  path: string,
  { url, authority, token }: { url: string; authority: Buffer | string; token: string },
): Promise<void> {
  const named = { cluster: 'host', user: 'program' };
  const certificate = Buffer.from(authority).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: named.cluster, cluster: { server: url, 'certificate-authority-data': certificate } }],
    users: [{ name: named.user, user: { token } }],
    contexts: [{ name: 'host', context: named }],
    'current-context': 'host',
  };
  return writeFile(path, JSON.stringify(config), { mode: 0o600 });
}

async function writeKeys(folder: string, users: readonly TestKubeUser[]): Promise<void> {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const tokens = users.map(
    ({ token, name, groups = [] }) => `${token},${name},${name},"${groups.join(',')}"\n`,
  );
  await writeFile(join(folder, 'accounts.pub'), publicKey);
  await writeFile(join(folder, 'accounts.key'), privateKey, { mode: 0o600 });
  await writeFile(join(folder, 'tokens.csv'), tokens.join(''), { mode: 0o600 });
}

function answers(url: string, ca: string, token: string): Promise<boolean> {
  return new Promise((done) => {
    const asked = request(
      `${url}/readyz`,
      { ca, headers: { authorization: `Bearer ${token}` } },
      (answer) => {
        answer.resume();
        done(answer.statusCode === 200);
      },
    );
    asked.once('error', () => done(false));
    asked.end();
  });
}
