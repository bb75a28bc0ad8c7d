import { join } from 'node:path';
import { folders, network } from '../settings.ts';

const port = 24_443;
const namespace = 'kube-system';

/** metrics-server runs beside the control plane; a service without a selector leads to it. */
export function metricsServerCommand(pki: string): readonly string[] {
  return [
    join(folders.binaries, 'metrics-server'),
    ...['kubeconfig', 'authentication-kubeconfig', 'authorization-kubeconfig'].map(
      (flag) => `--${flag}=${pki}/admin.kubeconfig`,
    ),
    `--bind-address=${network.machine}`,
    `--secure-port=${port}`,
    `--cert-dir=${join(folders.run, 'metrics-server')}`,
    `--kubelet-certificate-authority=${pki}/ca.crt`,
    '--kubelet-preferred-address-types=InternalIP',
    // Fake nodes have no kubelet to ask.
    '--node-selector=hexabase.test/node',
    // It refuses to start unless a request may take less long than the pause between two rounds.
    '--metric-resolution=10s',
    '--kubelet-request-timeout=5s',
    `--requestheader-client-ca-file=${pki}/front-proxy-ca.crt`,
    '--requestheader-allowed-names=front-proxy-client',
  ];
}

/** kubectl refuses to apply anything while a registered API is down: this comes last. */
export function metricsObjects(): readonly object[] {
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'metrics-server', namespace },
      spec: { ports: [{ name: 'https', port: 443, targetPort: port }] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: 'metrics-server-machine',
        namespace,
        labels: { 'kubernetes.io/service-name': 'metrics-server' },
      },
      addressType: 'IPv4',
      ports: [{ name: 'https', port, protocol: 'TCP' }],
      endpoints: [{ addresses: [network.machine], conditions: { ready: true } }],
    },
    {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: 'v1beta1.metrics.k8s.io' },
      spec: {
        group: 'metrics.k8s.io',
        version: 'v1beta1',
        groupPriorityMinimum: 100,
        versionPriority: 100,
        insecureSkipTLSVerify: true,
        service: { name: 'metrics-server', namespace },
      },
    },
  ];
}
