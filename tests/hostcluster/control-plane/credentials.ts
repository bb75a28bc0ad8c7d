import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  makeAuthority,
  signClient,
  signServer,
  type KeyedCertificate,
} from '@hexabase/kernel/certificates/sign-certificates.ts';

/** Keys and certificates of one start, in a folder that only their owner can read. */
export interface Credentials {
  folder: string;
  /** `https://10.246.0.1:6443`. */
  server: string;
  /** Writes a kubeconfig for a user and answers its path. */
  kubeconfig(name: string, client: { user: string; group?: string }): string;
  /** Writes `<name>.crt` and `<name>.key` of a server. */
  serverCertificate(name: string, hosts: readonly string[]): void;
}

/** Administrators (upstream's group; RBAC cannot take it away). */
const masters = 'system:masters';

/** Makes what a control plane needs. `hosts`: every name and address that any server of the cluster will have. */
export function makeCredentials(folder: string, server: string, hosts: readonly string[]): Credentials {
  const nowMs = Date.now();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const authority = makeAuthority(hosts, nowMs);
  const frontProxy = makeAuthority([], nowMs);
  const put = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const keyed = (name: string, pair: KeyedCertificate): void => {
    put(`${name}.crt`, pair.certPem);
    put(`${name}.key`, pair.keyPem);
  };
  keyed('ca', authority);
  keyed('front-proxy-ca', frontProxy);
  keyed('apiserver', signServer(authority, hosts, nowMs));
  keyed(
    'apiserver-kubelet-client',
    signClient(authority, { user: 'kube-apiserver-kubelet-client', group: masters }, nowMs),
  );
  keyed('front-proxy-client', signClient(frontProxy, { user: 'front-proxy-client' }, nowMs));
  const serviceAccounts = generateKeyPairSync('rsa', { modulusLength: 2048 });
  put('service-accounts.key', serviceAccounts.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
  put('service-accounts.pub', serviceAccounts.publicKey.export({ format: 'pem', type: 'spki' }).toString());
  return {
    folder,
    server,
    kubeconfig: (name, client) =>
      put(
        `${name}.kubeconfig`,
        kubeconfigText({ server, authority, user: name, pair: signClient(authority, client, nowMs) }),
      ),
    serverCertificate: (name, own) => keyed(name, signServer(authority, own, nowMs)),
  };
}

/** The kubeconfig of the administrator, and those of the components that run beside the API server. */
export function writeKubeconfigs(credentials: Credentials): string {
  for (const component of ['kube-controller-manager', 'kube-scheduler', 'kube-proxy']) {
    credentials.kubeconfig(component, { user: `system:${component}` });
  }
  return credentials.kubeconfig('admin', { user: 'admin', group: masters });
}

interface KubeconfigParts {
  server: string;
  authority: KeyedCertificate;
  user: string;
  pair: KeyedCertificate;
}

/** JSON is YAML. */
function kubeconfigText({ server, authority, user, pair }: KubeconfigParts): string {
  const data = (text: string): string => Buffer.from(text).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'host', cluster: { server, 'certificate-authority-data': data(authority.certPem) } }],
    users: [
      {
        name: user,
        user: { 'client-certificate-data': data(pair.certPem), 'client-key-data': data(pair.keyPem) },
      },
    ],
    contexts: [{ name: 'host', context: { cluster: 'host', user } }],
    'current-context': 'host',
  });
}
