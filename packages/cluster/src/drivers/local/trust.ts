import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import {
  makeAuthority,
  signClient,
  signServer,
  type KeyedCertificate,
} from '@hexabase/kernel/certificates/sign-certificates.ts';
import { readIfThere, writeAtomic, type TenantPaths } from './tenant-folder.ts';

/** First address of the Services' range, where pods would find the API. */
const apiServiceAddress = '10.96.0.1';
export const serviceRange = '10.96.0.0/16';

const apiHosts = [
  'localhost',
  '127.0.0.1',
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
  apiServiceAddress,
];
const etcdHosts = ['localhost', '127.0.0.1'];
const administrators = 'system:masters';

/** Users of the control plane, by the name of their kubeconfig. */
const clients = {
  driver: { user: 'hexabase:local-driver', group: administrators },
  kwok: { user: 'hexabase:simulated-nodes', group: administrators },
  'kube-controller-manager': { user: 'system:kube-controller-manager' },
  'kube-scheduler': { user: 'system:kube-scheduler' },
} as const;

type ClientName = keyof typeof clients;

/** Below this the certificates are made anew, in days. */
const renewDays = 60;
const dayMs = 86_400_000;

export interface TrustFiles {
  certificateAuthority: string;
  certificateAuthorityKey: string;
  apiServer: KeyedPaths;
  etcdAuthority: string;
  etcdServer: KeyedPaths;
  etcdClient: KeyedPaths;
  serviceAccountKey: string;
  kubeconfig(client: ClientName): string;
}

export interface KeyedPaths {
  cert: string;
  key: string;
}

/** Paths of keys and certificates of one tenant; all files are readable by this user alone. */
export function trustFiles({ pki }: TenantPaths): TrustFiles {
  const pair = (name: string) => ({ cert: join(pki, `${name}.crt`), key: join(pki, `${name}.key`) });
  const cluster = pair('ca');
  return {
    certificateAuthority: cluster.cert,
    certificateAuthorityKey: cluster.key,
    apiServer: pair('apiserver'),
    etcdAuthority: pair('etcd-ca').cert,
    etcdServer: pair('etcd'),
    etcdClient: pair('etcd-client'),
    serviceAccountKey: pair('service-accounts').key,
    kubeconfig: (client) => join(pki, `${client}.kubeconfig`),
  };
}

/**
 * Makes what is missing of a tenant's authorities, keys, certificates and kubeconfigs; authorities and the service
 * accounts' key stay as they are. etcd has an authority of its own: whoever holds a certificate for the API must not
 * read the data past it.
 */
export async function ensureTrust(
  paths: TenantPaths,
  { apiPort, nowMs }: { apiPort: number; nowMs: number },
): Promise<void> {
  const cluster = await authority(join(paths.pki, 'ca'), () => makeAuthority(apiHosts, nowMs));
  const etcd = await authority(join(paths.pki, 'etcd-ca'), () => makeAuthority(etcdHosts, nowMs));
  const files = trustFiles(paths);
  if ((await readIfThere(files.serviceAccountKey)) === null) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await writeAtomic(files.serviceAccountKey, privateKey.export({ format: 'pem', type: 'sec1' }).toString());
  }
  const note = join(paths.pki, 'issued.json');
  const issued = JSON.stringify({
    apiPort,
    clusterSerial: new X509Certificate(cluster.certPem).serialNumber,
  });
  if ((await readIfThere(note)) === issued && !(await endsSoon(files.apiServer.cert, nowMs))) return;
  await writePair(files.apiServer, signServer(cluster, apiHosts, nowMs));
  await writePair(files.etcdServer, signServer(etcd, etcdHosts, nowMs));
  await writePair(files.etcdClient, signClient(etcd, { user: 'kube-apiserver' }, nowMs));
  for (const name of ['driver', 'kwok', 'kube-controller-manager', 'kube-scheduler'] as const) {
    const client = signClient(cluster, clients[name], nowMs);
    await writeAtomic(
      files.kubeconfig(name),
      kubeconfigOf({ apiPort, authority: cluster.certPem, client, name }),
    );
  }
  await writeAtomic(note, issued);
}

async function authority(base: string, make: () => KeyedCertificate): Promise<KeyedCertificate> {
  const files = { cert: `${base}.crt`, key: `${base}.key` };
  const [certPem, keyPem] = [await readIfThere(files.cert), await readIfThere(files.key)];
  // The certificate is written last: with it the pair is whole.
  if (certPem !== null && keyPem !== null) return { certPem, keyPem };
  const made = make();
  await writePair(files, made);
  return made;
}

async function writePair(files: KeyedPaths, pair: KeyedCertificate): Promise<void> {
  await writeAtomic(files.key, pair.keyPem);
  await writeAtomic(files.cert, pair.certPem);
}

async function endsSoon(file: string, nowMs: number): Promise<boolean> {
  const pem = await readIfThere(file);
  return pem === null || Date.parse(new X509Certificate(pem).validTo) - nowMs < renewDays * dayMs;
}

/** JSON is YAML. */
function kubeconfigOf(given: {
  apiPort: number;
  authority: string;
  client: KeyedCertificate;
  name: string;
}): string {
  const base64 = (pem: string) => Buffer.from(pem).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'tenant',
        cluster: {
          server: `https://127.0.0.1:${given.apiPort}`,
          'certificate-authority-data': base64(given.authority),
        },
      },
    ],
    users: [
      {
        name: given.name,
        user: {
          'client-certificate-data': base64(given.client.certPem),
          'client-key-data': base64(given.client.keyPem),
        },
      },
    ],
    contexts: [{ name: 'tenant', context: { cluster: 'tenant', user: given.name } }],
    'current-context': 'tenant',
  });
}
