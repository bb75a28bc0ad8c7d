/** A Deployment of about 2.4 KB of JSON, as a client sends it: three containers with probes, resources and mounts. */
export function deployment(name: string): Record<string, unknown> & {
  metadata: {
    name: string;
    namespace: string;
    labels: Record<string, string>;
    annotations: Record<string, string>;
  };
} {
  const labels = {
    'app.kubernetes.io/name': name,
    'app.kubernetes.io/part-of': 'benchmark',
    'app.kubernetes.io/managed-by': 'load-test',
  };
  const container = (role: string, port: number) => ({
    name: role,
    image: `registry.example.com/benchmark/${role}:1.2.3`,
    ports: [{ name: 'http', containerPort: port, protocol: 'TCP' }],
    env: [
      { name: 'LOG_LEVEL', value: 'info' },
      { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    ],
    resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { cpu: '500m', memory: '256Mi' } },
    readinessProbe: {
      httpGet: { path: '/healthz', port: 'http' },
      initialDelaySeconds: 5,
      periodSeconds: 10,
    },
    volumeMounts: [{ name: 'config', mountPath: '/etc/benchmark', readOnly: true }],
  });
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name,
      namespace: 'default',
      labels,
      annotations: { 'example.com/description': 'One of many objects that the load test makes' },
    },
    spec: {
      replicas: 0,
      selector: { matchLabels: { 'app.kubernetes.io/name': name } },
      template: {
        metadata: { labels },
        spec: {
          containers: [container('web', 8080), container('worker', 8081), container('metrics', 9090)],
          volumes: [{ name: 'config', configMap: { name: 'benchmark-config' } }],
          terminationGracePeriodSeconds: 30,
        },
      },
    },
  };
}
