import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { authenticationConfiguration } from '@hexabase/cluster/authentication-configuration.ts';
import { freePort } from '@hexabase/testkit/free-port.ts';
import { hostCluster, kubeBinaries } from '@hexabase/testkit/host-cluster.ts';
import { startKubeApiServer, type TestKubeApiServer } from '@hexabase/testkit/kube-api-server.ts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse, stringify } from 'yaml';
import { discoveryDocument } from '../../apps/server/src/hosts/host-settings.ts';
import { hostKubectls, hostSettings } from './host-product.ts';
import { kubectlSession } from './kubectl-session.ts';
import { addPerson, startProduct, succeed, type Product } from './product.ts';
import { checkout, run } from './programs.ts';
import { signIn } from './rest.ts';

// A vCluster takes its time to start, and more of it on a busy machine.
vi.setConfig({ testTimeout: 400_000, hookTimeout: 400_000 });

const binaries = kubeBinaries();
const host = hostCluster('tenant');

/** No name server knows it. */
const publicName = 'hexabase.invalid';

describe.skipIf(binaries === null)('a public URL that API servers of workspaces do not reach', () => {
  const admin = { token: 'admin', name: 'admin', groups: ['system:masters'] };
  let product: Product;
  let api: TestKubeApiServer;
  let folder = '';
  let discoveryUrl = '';
  let authority = '';
  let workspaceId = '';
  let token = '';

  const ask = async (url: string, options: { ca: string; headers?: Record<string, string>; body?: object }) =>
    await new Promise<{ status: number; body: unknown }>((resolve, reject) => {
      const { ca, body, headers } = options;
      const method = body ? 'POST' : 'GET';
      // Without `servername` the certificate would be held against the Host header.
      const asked = request(url, { ca, method, headers, agent: false, servername: '' }, (answer) => {
        json(answer).then((found) => resolve({ status: answer.statusCode ?? 0, body: found }), reject);
      });
      asked.once('error', reject).end(body && JSON.stringify(body));
    });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hks-discovery-'));
    const port = await freePort();
    discoveryUrl = `https://127.0.0.1:${port}`;
    const flags = ['--https-port', `${port}`, '--public-url', `https://${publicName}:${port}`];
    product = await startProduct([...flags, '--discovery-url', discoveryUrl], { HKS_PASSWORDS: 'on' });
    authority = succeed(await run(join(checkout, 'hexabase-cli'), ['authority'], { env: product.env }));
    const ann = await addPerson(product, 'ann');
    succeed(await ann.hks(['workspace', 'create', 'team']));
    const shown: unknown = JSON.parse(succeed(await ann.hks(['workspace', 'get', 'team', '-o', 'json'])));
    workspaceId = String(Reflect.get(Object(shown), 'id'));
    const { call } = await signIn(product.httpUrl, ann.email, ann.password);
    token = String((await call('POST', `/api/v1/workspaces/${workspaceId}/kube-token`)).data['token']);

    const path = join(folder, 'authentication.yaml');
    const trust = authenticationConfiguration({
      issuer: `${product.httpsUrl}/oidc`,
      audience: `ws:${workspaceId}`,
      certificateAuthority: authority,
      discoveryUrl: discoveryDocument({ discoveryUrl }) ?? '',
    });
    await writeFile(path, stringify(trust));
    api = await startKubeApiServer(binaries ?? '', [admin], { more: [`--authentication-config=${path}`] });
  });

  afterAll(async () => {
    await api?.[Symbol.asyncDispose]();
    await product?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const whoAmI = (sent: string) =>
    ask(`${api.url}/apis/authentication.k8s.io/v1/selfsubjectreviews`, {
      ca: api.certificateAuthority,
      headers: { authorization: `Bearer ${sent}`, 'content-type': 'application/json' },
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
    });

  it('does not keep a real kube-apiserver from taking our tokens: it fetches document and keys at the discovery URL', async () => {
    // It fetches what it needs after it was started, and meanwhile takes none.
    await expect.poll(async () => (await whoAmI(token)).status, { timeout: 60_000, interval: 500 }).toBe(201);
    expect((await whoAmI(token)).body).toMatchObject({
      status: { userInfo: { username: 'hexabase:ann@example.com' } },
    });
    expect((await whoAmI(`${token}x`)).status).toBe(401);
  });

  it('is what the document says of everything but the keys, and answers to no other name', async () => {
    const at = (headers?: Record<string, string>) =>
      ask(`${discoveryUrl}/oidc/.well-known/openid-configuration`, {
        ca: authority,
        ...(headers && { headers }),
      });
    const { host } = new URL(product.httpsUrl);
    const known = await at({ host });
    const issuer = `https://${host}/oidc`;
    expect(known.body).toMatchObject({ issuer, jwks_uri: `${issuer}/jwks` });
    const there = await at();
    expect(there.body).toEqual({ ...Object(known.body), jwks_uri: `${discoveryUrl}/oidc/jwks` });
    for (const foreign of ['evil.example', `evil.example:${new URL(discoveryUrl).port}`])
      expect(await at({ host: foreign })).toMatchObject({ status: 400, body: { error: expect.anything() } });
  });

  it('is remembered with the discovery URL by starts that name neither', async () => {
    succeed(await product.hks(['down']));
    succeed(await product.hks(['up', '--http-port', '0', '--detach'], { timeoutMs: 110_000 }));
    const document = `${discoveryUrl}/oidc/.well-known/openid-configuration`;
    expect(await ask(document, { ca: authority })).toMatchObject({
      body: { jwks_uri: `${discoveryUrl}/oidc/jwks`, issuer: `${product.httpsUrl}/oidc` },
    });
    succeed(await product.hks(['down']));
    const none = ['up', '--http-port', '0', '--detach', '--discovery-url', product.httpsUrl];
    expect(await product.hks(none)).toMatchObject({ code: 1, stderr: expect.stringContaining('none') });
  });
});

describe.skipIf(host === null || host.issuerAddress === null)('on a real host cluster', () => {
  let product: Product;
  let discoveryUrl = '';

  beforeAll(async () => {
    const address = host?.issuerAddress ?? '';
    const port = await freePort(address);
    discoveryUrl = `https://${address}:${port}`;
    const urls = ['--public-url', `https://${publicName}:${port}`, '--discovery-url', discoveryUrl];
    const flags = [
      '--host-kubeconfig',
      host?.kubeconfig ?? '',
      '--listen',
      '0.0.0.0',
      '--https-port',
      `${port}`,
    ];
    product = await startProduct([...flags, ...urls], { ...hostSettings(host), HKS_PASSWORDS: 'on' });
  });
  afterAll(async () => {
    // A failed test leaves nothing on the host either.
    await product?.hks(['workspace', 'delete', 'team', '--yes'], { timeoutMs: 180_000 });
    await product?.[Symbol.asyncDispose]();
  });

  it('host check asks a pod at the discovery URL, which is all that pods reach', async () => {
    const check = ['host', 'check', 'default'];
    const { stdout } = await run(join(checkout, 'hexabase-cli'), check, {
      env: product.env,
      timeoutMs: 120_000,
    });
    expect(stdout).toMatch(/ok +IssuerReachable +\S.*/);
    expect(stdout).toContain(`reads ${product.httpsUrl}/oidc from ${discoveryUrl}/`);
    expect(stdout).toMatch(/ok +IssuerTrusted +\S.*/);
  });

  it('a workspace takes its people’s tokens, and its gateway has a certificate for the discovery URL', async () => {
    const create = ['workspace', 'create', 'team', '--plan', 'starter'];
    succeed(await product.hks(create, { timeoutMs: 300_000 }));
    const path = join(product.configDir, 'team.yaml');
    await writeFile(path, succeed(await product.hks(['kubeconfig', 'team'])));
    const config: unknown = parse(await readFile(path, 'utf8'));
    const server = String(Reflect.get(Object(config), 'clusters')[0].cluster.server);
    expect(server).toContain(`https://${publicName}:`);
    const [kubectlPath = ''] = Object.values(hostKubectls(host));
    const { kubectl } = kubectlSession(kubectlPath, () => ({ ...product.env, KUBECONFIG: path }));
    const here = server.replace(new URL(server).origin, discoveryUrl);
    expect(await kubectl(`--server=${here}`, 'get', 'namespaces')).toContain('kube-system');
  });
});
