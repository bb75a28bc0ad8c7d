import { createServer, get } from 'node:http';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hostCluster } from '@hexabase/testkit/host-cluster.ts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { addressElsewhere } from '../hostcluster/node/address-elsewhere.ts';
import { network, nodePlan } from '../hostcluster/settings.ts';
import { hostImage, hostKubectls, startOnHost, until } from './host-product.ts';
import { kubectlSession, type KubectlSession } from './kubectl-session.ts';
import { addPerson, succeed, type Person, type Product } from './product.ts';

// A vCluster takes its time to start, and more of it on a busy machine.
vi.setConfig({ testTimeout: 400_000, hookTimeout: 400_000 });

/** Needs nodes that it can give addresses to, and a network that enforces: that of tests/hostcluster. */
const given = hostCluster('tenant');
const host = given?.binaries && given.issuerAddress ? given : null;

const nodes = [nodePlan(1), nodePlan(2)];
const foreignTaint = 'hexabase.test/node';
/** A range for documentation (RFC 5737), which passes for the internet; and where clouds have their metadata. */
const internet = '203.0.113.7';
const metadata = '169.254.169.254';
const plain = `hostcluster-open-${crypto.randomUUID().slice(0, 8)}`;

type Who = 'ours' | 'theirs';
interface Place {
  /** Of the workspace. */
  id: string;
  session: KubectlSession;
  /** Addresses of its pods on each node. */
  pods: string[];
  /** Of its service `web`. */
  service: string;
  /** Its control plane: the pod, and the service of the host that leads to it. */
  controlPlane: { pod: string; service: string };
}

/** Two workspaces of two organizations on the same two nodes, and a namespace of the host that has no policies. */
describe.skipIf(host === null)('workspaces on a network that enforces policies', () => {
  let product: Product;
  let stranger: Person;
  const places = {} as Record<Who, Place>;
  const cleanup = new AsyncDisposableStack();
  /** Of a server that answers at every address of this machine. */
  let port = 0;
  const [program = ''] = Object.values(hostKubectls(host));
  const onHost = kubectlSession(program, () => ({ PATH: process.env['PATH'], KUBECONFIG: host?.kubeconfig }));
  const sessions = Object.fromEntries(
    (['ours', 'theirs'] as const).map((who) => [
      who,
      kubectlSession(program, () => ({
        ...(who === 'ours' ? product.env : stranger.env),
        KUBECONFIG: join(product.configDir, `${who}.yaml`),
      })),
    ]),
  ) as Record<Who, KubectlSession>;
  const hostNamespace = (who: Who): string => `hexabase-ws-${places[who].id}`;

  /** What a pod of a session says when it asks for something. */
  const asked = async ({ kubectl }: KubectlSession, pod: string, url: string): Promise<string> =>
    kubectl('exec', pod, '--', 'sh', '-c', `netcheck get ${url}; true`);
  const reaches = async (session: KubectlSession, pod: string, url: string): Promise<boolean> => {
    const said = await asked(session, pod, url);
    expect(said).toMatch(/^\d{3} |^ERR /);
    return !said.startsWith('ERR ');
  };
  const fromOurs = (pod: string, url: string): Promise<boolean> => reaches(sessions.ours, pod, url);
  const fromPlain: KubectlSession = {
    ...onHost,
    kubectl: (...args) => onHost.kubectl('-n', plain, ...args),
  };
  const apply = async ({ kubectl }: KubectlSession, ...objects: object[]): Promise<string> => {
    const path = join(product.configDir, `${crypto.randomUUID()}.json`);
    await writeFile(path, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
    return kubectl('apply', '-f', path);
  };
  /** Which of these are reached from a pod on each node. */
  const reached = async (
    session: KubectlSession,
    targets: Readonly<Record<string, string>>,
  ): Promise<string[]> => {
    const found: string[] = [];
    for (const pod of ['web-1', 'web-2'])
      for (const [name, url] of Object.entries(targets))
        if (await reaches(session, pod, url)) found.push(`${pod} → ${name}`);
    return found;
  };

  async function make(who: Who): Promise<void> {
    const { hks } = who === 'ours' ? product : stranger;
    const slug = `${who}-apart`;
    succeed(await hks(['workspace', 'create', slug, '--plan', 'starter'], { timeoutMs: 240_000 }));
    cleanup.defer(async () => {
      await hks(['workspace', 'delete', slug, '--yes'], { timeoutMs: 180_000 });
    });
    const { id } = JSON.parse(succeed(await hks(['workspace', 'get', slug, '-o', 'json']))) as { id: string };
    await writeFile(join(product.configDir, `${who}.yaml`), succeed(await hks(['kubeconfig', slug])));
    // The second node is not for everybody; the administrator of the host lets this workspace there.
    const allowed = `hexabase.ai/allow-tolerations=${foreignTaint}`;
    await onHost.kubectl('annotate', 'namespace', `hexabase-ws-${id}`, allowed);
    const session = sessions[who];
    await apply(session, ...servers());
    await ready(session);
    const address = async (from: KubectlSession, ...what: string[]): Promise<string> =>
      from.kubectl('get', ...what);
    const podAt = '-o=jsonpath={.items[*].status.podIP}';
    const serviceAt = '-o=jsonpath={.spec.clusterIP}';
    const there = ['-n', `hexabase-ws-${id}`];
    const release = `ws-${id.slice(-12)}`;
    places[who] = {
      id,
      session,
      pods: (await address(session, 'pods', '-l', 'app=web', podAt)).split(' '),
      service: await address(session, 'service', 'web', serviceAt),
      controlPlane: {
        pod: await address(onHost, ...there, 'pods', '-l', 'app=vcluster', podAt),
        service: await address(onHost, ...there, 'service', release, serviceAt),
      },
    };
  }

  beforeAll(async () => {
    product = await startOnHost(host);
    cleanup.use(product);
    stranger = await addPerson(product, 'stranger');
    for (const address of [internet, metadata]) cleanup.use(await addressElsewhere(address));
    const server = createServer((_, response) => response.end('from this machine'));
    await new Promise<void>((done) => server.listen(0, '0.0.0.0', done));
    cleanup.defer(() => void server.close());
    const bound = server.address();
    port = typeof bound === 'object' && bound !== null ? bound.port : 0;
    await onHost.kubectl('create', 'namespace', plain);
    cleanup.defer(async () => void (await onHost.kubectl('delete', 'namespace', plain)));
    await apply(fromPlain, ...servers());
    await Promise.all([make('ours'), make('theirs'), ready(fromPlain)]);
    // Rules for a pod are written some moments after its start.
    await until(async () => (await reached(sessions.ours, ofTheirs())).length === 0, 60);
  });
  afterAll(() => cleanup.disposeAsync());

  /** Everything of theirs that listens, as our pods would ask it. */
  const ofTheirs = (): Record<string, string> => ({
    'their pod on node 1': `http://${places.theirs.pods[0]}:8080`,
    'their pod on node 2': `http://${places.theirs.pods[1]}:8080`,
    'their service': `http://${places.theirs.service}`,
    'their API': `https://${places.theirs.controlPlane.pod}:8443/version`,
    'the service of their API': `https://${places.theirs.controlPlane.service}/version`,
  });

  it('reach nothing of another workspace: no pod, no service, no control plane', async () => {
    expect(await reached(sessions.ours, ofTheirs())).toEqual([]);
    const ours = { pod: `http://${places.ours.pods[0]}:8080`, service: `http://${places.ours.service}` };
    expect(await reached(sessions.theirs, ours)).toEqual([]);
  });

  it('are kept apart on both sides by the policies alone: one side is not enough, with both opened all is reached', async () => {
    const open = (rules: object): object => ({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'trial' },
      spec: { podSelector: {}, ...rules },
    });
    const here = (who: Who): KubectlSession => ({
      ...onHost,
      kubectl: (...args) => onHost.kubectl('-n', hostNamespace(who), ...args),
    });
    const out = open({ policyTypes: ['Egress'], egress: [{}] });
    const into = open({ policyTypes: ['Ingress'], ingress: [{}] });
    const all = ['web-1', 'web-2'].flatMap((pod) =>
      Object.keys(ofTheirs()).map((name) => `${pod} → ${name}`),
    );
    const outside = `http://${network.machine}:${port}/`;

    await apply(here('ours'), out);
    // It is in force when they get out where they do not get otherwise.
    await until(async () => fromOurs('web-1', outside), 30);
    await until(async () => fromOurs('web-2', outside), 30);
    expect(await reached(sessions.ours, ofTheirs())).toEqual([]);

    await apply(here('theirs'), into);
    await until(async () => (await reached(sessions.ours, ofTheirs())).length === all.length, 60);
    await here('ours').kubectl('delete', 'networkpolicy', 'trial');
    await until(async () => !(await fromOurs('web-1', outside)), 30);
    await until(async () => !(await fromOurs('web-2', outside)), 30);
    expect(await reached(sessions.ours, ofTheirs())).toEqual([]);
    await here('theirs').kubectl('delete', 'networkpolicy', 'trial');
  });

  it('reach nothing of the host, which pods of the host reach', async () => {
    const web = await onHost.kubectl('-n', plain, 'get', 'service', 'web', '-o=jsonpath={.spec.clusterIP}');
    const targets = {
      'a service of the host': `http://${web}`,
      'the API of the host': `https://${network.machine}:${network.apiPort}/version`,
      'its service': `https://${network.kubernetesService}/version`,
      'another port of that machine': `http://${network.machine}:${port}/`,
      'the metadata of a cloud': `http://${metadata}:${port}/`,
      'the kubelet of node 1': `https://${nodes[0]?.address}:10250/pods`,
      'the kubelet of node 2': `https://${nodes[1]?.address}:10250/pods`,
    };
    const all = ['web-1', 'web-2'].flatMap((pod) => Object.keys(targets).map((name) => `${pod} → ${name}`));
    expect(await reached(fromPlain, targets)).toEqual(all);
    expect(await reached(sessions.ours, targets)).toEqual([]);
  });

  it('reach the internet and are reached from there, and from no private address', async () => {
    const url = `http://${internet}:${port}/`;
    expect(await reached(sessions.ours, { url })).toEqual(['web-1 → url', 'web-2 → url']);
    for (const pod of places.ours.pods) {
      expect(await statusFor(internet, pod), pod).toBe(200);
      for (const address of [network.machine, metadata])
        expect(await statusFor(address, pod), `${address} → ${pod}`).toBeNull();
    }
    const open = (
      await onHost.kubectl('-n', plain, 'get', 'pods', '-o=jsonpath={.items[*].status.podIP}')
    ).split(' ');
    for (const pod of open)
      for (const address of [network.machine, metadata]) expect(await statusFor(address, pod)).toBe(200);
  });

  it('reach themselves: pods on both nodes, services by name, and their own API', async () => {
    const targets = {
      'pod on node 1': `http://${places.ours.pods[0]}:8080`,
      'pod on node 2': `http://${places.ours.pods[1]}:8080`,
      service: 'http://web',
      'service by its long name': 'http://web.default.svc.cluster.local',
      API: 'https://kubernetes.default/version',
    };
    const all = ['web-1', 'web-2'].flatMap((pod) => Object.keys(targets).map((name) => `${pod} → ${name}`));
    expect(await reached(sessions.ours, targets)).toEqual(all);
  });

  it('lead nobody to others by a service without a selector', async () => {
    const meta = { name: 'trick' };
    const target = places.theirs.pods[0];
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: meta,
      spec: { ports: [{ port: 80, targetPort: 8080 }] },
    };
    const endpoints = {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: meta,
      subsets: [{ addresses: [{ ip: target }], ports: [{ port: 8080 }] }],
    };
    await apply(sessions.ours, service, endpoints);
    expect(
      await sessions.ours.kubectl('get', 'endpoints', 'trick', '-o=jsonpath={.subsets[0].addresses[0].ip}'),
    ).toBe(target);
    await until(
      async () =>
        (await onHost.kubectl('-n', hostNamespace('ours'), 'get', 'services')).includes('trick-x-default'),
      60,
    );
    expect(await reached(sessions.ours, { trick: 'http://trick' })).toEqual([]);
  });

  it('answer their people as ever: shells, logs, forwarded ports, figures', async () => {
    const { ours } = sessions;
    expect(await ours.kubectl('exec', 'web-2', '--', 'echo', 'heard')).toBe('heard\n');
    expect(await ours.kubectl('logs', 'web-2')).toContain('serving on 8080');
    expect(await ours.untilSeen(/Forwarding from 127/, 'port-forward', 'pod/web-2', ':8080')).toContain(
      '8080',
    );
    const top = await until(async () => ours.kubectl('top', 'pods').catch(() => ''), 120);
    expect(top).toMatch(/web-1 +\d+m +\d+Mi/);
  });

  it('let their control plane reach their own services, and no pod and no API of another workspace', async () => {
    const { ours } = sessions;
    /** What becomes of an object that the control plane asks this about, as an admission webhook. */
    const webhook = async (name: string, clientConfig: object): Promise<string> => {
      await apply(ours, webhookFor(name, clientConfig));
      const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { asks: name } } };
      // A new webhook is heard of within a second or so.
      return until(async () => {
        const complaint = await apply(ours, object).then(() => '', String);
        if (complaint === '') await ours.kubectl('delete', 'configmap', name);
        return complaint;
      }, 60);
    };
    const own = await webhook('own', { service: { namespace: 'default', name: 'web', port: 80 } });
    expect(own).toContain('server gave HTTP response to HTTPS client');
    const theirs = places.theirs;
    const refusal = /connection refused|i\/o timeout|context deadline exceeded/;
    expect(await webhook('pod', { url: `https://${theirs.pods[0]}:8080/` })).toMatch(refusal);
    expect(await webhook('api', { url: `https://${theirs.controlPlane.pod}:8443/` })).toMatch(refusal);
    expect(await webhook('service', { url: `https://${theirs.controlPlane.service}/` })).toMatch(refusal);
  });
});

async function ready({ kubectl }: KubectlSession): Promise<void> {
  await kubectl('wait', '--for=condition=Ready', 'pod', '-l', 'app=web', '--timeout=170s');
}

/** A server on each node and a service for both. They ask, too: their image has the program for it. */
function servers(): object[] {
  return [
    ...nodes.map(({ name, number }) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `web-${number}`, labels: { app: 'web' } },
      spec: {
        terminationGracePeriodSeconds: 0,
        nodeSelector: { 'kubernetes.io/hostname': name },
        tolerations: [{ key: foreignTaint, operator: 'Exists' }],
        containers: [{ name: 'main', image: hostImage, command: ['netcheck', 'serve', '8080'] }],
      },
    })),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
    },
  ];
}

/** Is asked about configmaps with this name as their label `asks`, and its silence is a refusal. */
function webhookFor(name: string, clientConfig: object): object {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name },
    webhooks: [
      {
        name: 'asks.example.com',
        clientConfig,
        rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE'] }],
        objectSelector: { matchLabels: { asks: name } },
        failurePolicy: 'Fail',
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        timeoutSeconds: 5,
      },
    ],
  };
}

/** The status that a pod answers somebody with this address, or null when it is not reached. */
function statusFor(localAddress: string, pod: string): Promise<number | null> {
  return new Promise((done) => {
    const asking = get({ host: pod, port: 8080, localAddress, timeout: 5_000, agent: false }, (response) => {
      response.resume();
      done(response.statusCode ?? null);
    });
    asking.once('timeout', () => asking.destroy());
    asking.once('error', () => done(null));
  });
}
