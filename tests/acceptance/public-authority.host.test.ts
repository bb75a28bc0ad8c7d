import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findComponent } from '@hexabase/cluster/drivers/local/processes.ts';
import { tenantPaths } from '@hexabase/cluster/drivers/local/tenant-folder.ts';
import {
  makeAuthority,
  signServer,
  type KeyedCertificate,
} from '@hexabase/kernel/certificates/sign-certificates.ts';
import { brandId } from '@hexabase/kernel/id.ts';
import { freePort } from '@hexabase/testkit/free-port.ts';
import { kubeBinaries } from '@hexabase/testkit/host-cluster.ts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { kubectlSession, type KubectlSession } from './kubectl-session.ts';
import { startProduct, succeed, type Product } from './product.ts';

const binaries = kubeBinaries();
vi.setConfig({ testTimeout: 240_000 });

/** Step by step as the guide says: name the old and the new authority, start anew, change the certificate later. */
describe.skipIf(binaries === null)('a certificate in front whose authority changes', () => {
  const former = makeAuthority(['localhost'], Date.now());
  const next = makeAuthority(['localhost'], Date.now());
  let front: Front;
  let product: Product;
  let workspaceId = '';
  let folder = '';

  beforeAll(async () => {
    const port = await freePort();
    front = await openFront(port, former);
    const flags = ['--driver', 'local', '--https-port', String(port), '--public-url', front.url];
    folder = await mkdtemp(join(tmpdir(), 'hks-authorities-'));
    const settings = { HKS_KUBE_BIN: binaries ?? '', HKS_PASSWORDS: 'on' };
    product = await startProduct(flags, { ...settings, ...(await trusting(former)) });
    const made = succeed(await product.hks(['workspace', 'create', 'lab', '-o', 'json']));
    workspaceId = JSON.parse(made).id;
  });
  afterAll(async () => {
    await product?.[Symbol.asyncDispose]();
    front?.[Symbol.dispose]();
    await rm(folder, { recursive: true, force: true });
  });

  it('kubeconfigs hold the one that is named, and the API server of a workspace takes our keys from there', async () => {
    expect(await fetchKubeconfig('first')).toBe(former.certPem.trim());
    await works('first');
  });

  it('with both named, those fetched before stay good, and those fetched now hold both', async () => {
    succeed(await product.hks(['down']));
    await startTrusting(former, next);
    await works('first');
    expect(await fetchKubeconfig('second')).toBe(`${former.certPem.trim()}\n${next.certPem.trim()}`);
    await works('second');
  });

  it('once the certificate has changed, those that hold both go on', async () => {
    front.shows(next);
    await works('second');
    expect(await kubectl('first').fails('get', 'namespaces')).toMatch(/x509|certificate/);
    // Anew, so that the API server of the workspace fetches the keys from behind the new certificate.
    succeed(await product.hks(['down']));
    await startTrusting(former, next);
    await works('second');
  });

  it('an API server that does not know the new one takes nobody, and learns of it as it runs', async () => {
    succeed(await product.hks(['down']));
    await startTrusting(former);
    expect(await kubectl('second').fails('get', 'namespaces')).toMatch(/Unauthorized|must be logged in/);
    const running = await apiServerPid();
    process.kill((await product.status()).pid, 'SIGKILL');
    await startTrusting(former, next);
    await works('second');
    expect(await apiServerPid()).toBe(running);
  });

  async function trusting(...authorities: KeyedCertificate[]): Promise<NodeJS.ProcessEnv> {
    const path = join(folder, 'authorities.pem');
    await writeFile(path, authorities.map(({ certPem }) => certPem).join('\n'));
    return { HKS_PUBLIC_CA: path };
  }

  async function startTrusting(...authorities: KeyedCertificate[]): Promise<void> {
    const env = { ...product.env, ...(await trusting(...authorities)) };
    // An address of this machine is not remembered.
    const flags = ['--https-port', String(front.port), '--public-url', front.url];
    succeed(await product.hks(['up', '--http-port', '0', '--detach', ...flags], { env, timeoutMs: 110_000 }));
  }

  /** Keeps the kubeconfig of now under a name; answers the authorities in it. */
  async function fetchKubeconfig(name: string): Promise<string> {
    const text = succeed(await product.hks(['kubeconfig', 'lab']));
    await writeFile(join(product.configDir, name), text);
    const [{ cluster }] = parse(text).clusters;
    return Buffer.from(cluster['certificate-authority-data'], 'base64').toString().trim();
  }

  function kubectl(kubeconfig: string): KubectlSession {
    const env = { ...product.env, KUBECONFIG: join(product.configDir, kubeconfig) };
    return kubectlSession(join(binaries ?? '', 'kubectl'), () => env);
  }

  /** The API server reads its configuration again within a minute, and asks for keys each few seconds until it has them. */
  async function works(kubeconfig: string): Promise<void> {
    const asked = async (): Promise<void> => {
      expect(await kubectl(kubeconfig).kubectl('get', 'namespaces')).toContain('kube-system');
    };
    await vi.waitFor(asked, { timeout: 120_000, interval: 500 });
  }

  function apiServerPid(): Promise<number | null> {
    const paths = tenantPaths(join(product.dataDir, 'clusters'), brandId<'Workspace'>(workspaceId));
    return findComponent(paths, 'kube-apiserver');
  }
});

interface Front extends Disposable {
  url: string;
  /** Where it leads. */
  port: number;
  /** A certificate of this authority from now on, to whoever comes anew. */
  shows(authority: KeyedCertificate): void;
}

/** A proxy in front of the server that ends TLS with a certificate of its own. */
async function openFront(port: number, authority: KeyedCertificate): Promise<Front> {
  const certificateOf = (of: KeyedCertificate) => {
    const { certPem, keyPem } = signServer(of, ['localhost'], Date.now());
    return { cert: certPem, key: keyPem };
  };
  const server = createServer(certificateOf(authority), (incoming, outgoing) => {
    const { method, url, headers } = incoming;
    const to = { host: '127.0.0.1', port, method, path: url, headers, rejectUnauthorized: false };
    const onward = request({ ...to, agent: false }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.once('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  const own = typeof bound === 'object' && bound ? bound.port : 0;
  return {
    url: `https://localhost:${own}`,
    port,
    shows(of) {
      server.setSecureContext(certificateOf(of));
      server.closeAllConnections();
    },
    [Symbol.dispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}
