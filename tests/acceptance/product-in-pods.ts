import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { HostCluster } from '@hexabase/testkit/host-cluster.ts';
import { hostImage, hostSettings } from './host-product.ts';
import { checkout } from './programs.ts';

export interface ProductInPods {
  host: HostCluster;
  /** kubectl, which whoever has a shell in the pod calls. */
  kubectl: string;
  settings: NodeJS.ProcessEnv;
}

/** What callers put other things beside. */
interface PodSpec extends Record<string, unknown> {
  containers: [object];
  volumes: object[];
}

/** Ports of the product in its pods. */
export const podPorts = { http: 8080, https: 8443 };

/** The namespace, and its service account `hexabase` with the rights of `deploy/host-rbac.yaml`, which stands already. */
export function accountObjects(namespace: string): object[] {
  const account = { name: 'hexabase', namespace };
  const rbac = 'rbac.authorization.k8s.io';
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } },
    },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: account },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: namespace },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'hexabase-host' },
      subjects: [{ kind: 'ServiceAccount', ...account }],
    },
  ];
}

/** A pod's spec with `hks up` in it, of the programs, libraries and checkout of this machine. */
export function productPod({ host, kubectl, settings }: ProductInPods): PodSpec {
  const { chart, helm } = host;
  const env: NodeJS.ProcessEnv = {
    ...hostSettings(host),
    PATH: `${checkout}:${dirname(process.execPath)}:/usr/bin:/bin`,
    HOME: '/data',
    HKS_DATA_DIR: '/data/hexabase',
    HKS_CONFIG: '/data/config.yaml',
    HKS_NODE: process.execPath,
    HKS_PREPARED: checkout,
    HKS_VCLUSTER_CHART: realpathSync(chart ?? ''),
    HKS_HELM: realpathSync(helm ?? ''),
    ...settings,
  };
  const podAddress = { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } };
  const programs = [process.execPath, helm ?? '', kubectl].map((path) =>
    dirname(dirname(realpathSync(path))),
  );
  const elsewhere = [realpathSync(chart ?? ''), ...programs].filter(
    (path) => !path.startsWith(`${checkout}/`),
  );
  const mounts = machineFolders([checkout, ...elsewhere]);
  const ports = ['--http-port', String(podPorts.http), '--https-port', String(podPorts.https)];
  return {
    serviceAccountName: 'hexabase',
    terminationGracePeriodSeconds: 15,
    containers: [
      {
        name: 'hexabase',
        image: hostImage,
        command: [join(checkout, 'hks'), 'up', '--listen', '0.0.0.0', ...ports],
        env: [podAddress, ...Object.entries(env).map(([name, value]) => ({ name, value }))],
        readinessProbe: {
          httpGet: { path: '/ready', port: podPorts.http },
          periodSeconds: 1,
          failureThreshold: 60,
        },
        volumeMounts: [...mounts.map(({ mount }) => mount), { name: 'data', mountPath: '/data' }],
      },
    ],
    volumes: [...mounts.map(({ volume }) => volume), { name: 'data', emptyDir: {} }],
  };
}

/** Folders of this machine, and Debian's own, as a pod sees them. */
export function machineFolders(paths: readonly string[]): { volume: object; mount: object }[] {
  const debian = { '/usr': '/usr', '/lib': '/usr/lib', '/lib64': '/usr/lib64', '/etc/passwd': '/etc/passwd' };
  const ours = Object.fromEntries(paths.map((path) => [path, path]));
  return Object.entries({ ...debian, ...ours }).map(([mountPath, path], index) => ({
    volume: { name: `host-${index}`, hostPath: { path } },
    mount: { name: `host-${index}`, mountPath, readOnly: true },
  }));
}
