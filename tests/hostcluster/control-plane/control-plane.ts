import { createServer } from 'node:net';
import { join } from 'node:path';
import { createKubectl, type Kubectl } from '../kubectl.ts';
import { expectAlive, startProcess, type Running } from '../processes.ts';
import { waitUntil } from '../run-program.ts';
import { folders, network } from '../settings.ts';
import {
  apiServerCommand,
  controllerManagerCommand,
  etcdCommand,
  schedulerCommand,
  type ControlPlaneAddresses,
} from './command-lines.ts';
import { makeCredentials, writeKubeconfigs, type Credentials } from './credentials.ts';

export interface ControlPlane {
  credentials: Credentials;
  kubeconfig: string;
  kubectl: Kubectl;
}

export interface ControlPlaneOptions {
  /** Of the API server: loopback, or this machine's end of the link to the nodes. */
  address: string;
  /** Addresses of all nodes; empty where nodes are fake. */
  nodeAddresses: readonly string[];
}

const bootSeconds = 90;

/** Starts etcd, API server, controller manager and scheduler, and waits until the first namespace can be used. */
export async function startControlPlane(
  running: Running,
  { address, nodeAddresses }: ControlPlaneOptions,
): Promise<ControlPlane> {
  const nodes = nodeAddresses.length > 0;
  const [etcdPort, etcdPeerPort, freePort] = await freePorts();
  const addresses: ControlPlaneAddresses = {
    address,
    // Pods are told the port: theirs stays the same.
    apiPort: nodes ? network.apiPort : freePort,
    etcdPort,
    etcdPeerPort,
    nodes,
  };
  const credentials = makeCredentials(join(folders.run, 'pki'), `https://${address}:${addresses.apiPort}`, [
    'localhost',
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
    '127.0.0.1',
    address,
    network.kubernetesService,
    ...nodeAddresses,
  ]);
  const kubeconfig = writeKubeconfigs(credentials);
  const kubectl = createKubectl(kubeconfig);
  const pki = credentials.folder;
  const etcd = startProcess(running, 'etcd', etcdCommand(addresses));
  const apiServer = startProcess(running, 'kube-apiserver', apiServerCommand(addresses, pki));
  await waitUntil('the API server', bootSeconds, async () => {
    expectAlive(etcd);
    expectAlive(apiServer);
    return (await kubectl(['get', '--raw', '/readyz'])) === 'ok';
  });
  const others = [
    startProcess(running, 'kube-controller-manager', controllerManagerCommand(pki)),
    startProcess(running, 'kube-scheduler', schedulerCommand(pki)),
  ];
  await waitUntil('the service account of the default namespace', bootSeconds, async () => {
    for (const other of others) expectAlive(other);
    return (await kubectl(['-n', 'default', 'get', 'serviceaccount', 'default', '-o', 'name'])) !== '';
  });
  return { credentials, kubeconfig, kubectl };
}

/** Three ports that the operating system has just given out, and that are free again. */
async function freePorts(): Promise<[number, number, number]> {
  const servers = await Promise.all([listen(), listen(), listen()]);
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  const [first = 0, second = 0, third = 0] = ports;
  return [first, second, third];
}

function listen(): Promise<ReturnType<typeof createServer>> {
  const server = createServer();
  return new Promise((done, fail) => {
    server.once('error', fail);
    server.listen(0, '127.0.0.1', () => done(server));
  });
}
