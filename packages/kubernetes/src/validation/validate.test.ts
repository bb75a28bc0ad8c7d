import { describe, expect, it } from 'vitest';
import { container, created, deployment, pod } from './cases-for-tests.ts';

const LABEL_RULE =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name', or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

describe('valid objects have no problems', () => {
  it.each([
    [
      'Pod',
      'v1',
      {
        spec: container({
          ports: [{ containerPort: 80, name: 'http' }],
          env: [{ name: 'A', value: 'b' }],
          livenessProbe: { httpGet: { path: '/', port: 'http' } },
        }),
      },
    ],
    ['Deployment', 'apps/v1', { spec: deployment() }],
    [
      'StatefulSet',
      'apps/v1',
      {
        spec: deployment({
          serviceName: 'web',
          volumeClaimTemplates: [
            {
              metadata: { name: 'd' },
              spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
            },
          ],
        }),
      },
    ],
    ['DaemonSet', 'apps/v1', { spec: deployment() }],
    [
      'CronJob',
      'batch/v1',
      {
        spec: {
          schedule: '*/5 * * * *',
          timeZone: 'Europe/Berlin',
          jobTemplate: { spec: { template: { spec: pod({ restartPolicy: 'OnFailure' }) } } },
        },
      },
    ],
    ['Service', 'v1', { spec: { selector: { app: 'a' }, ports: [{ port: 80, targetPort: 'http' }] } }],
    ['Service', 'v1', { spec: { type: 'ExternalName', externalName: 'example.com' } }],
    ['Service', 'v1', { spec: { clusterIP: 'None' } }],
    [
      'Ingress',
      'networking.k8s.io/v1',
      {
        spec: {
          rules: [
            {
              host: '*.example.com',
              http: {
                paths: [
                  {
                    path: '/',
                    pathType: 'Prefix',
                    backend: { service: { name: 'web', port: { number: 80 } } },
                  },
                ],
              },
            },
          ],
        },
      },
    ],
    [
      'NetworkPolicy',
      'networking.k8s.io/v1',
      {
        spec: {
          podSelector: {},
          ingress: [
            { from: [{ podSelector: {} }, { ipBlock: { cidr: '10.0.0.0/8' } }], ports: [{ port: 80 }] },
          ],
        },
      },
    ],
    [
      'ClusterRole',
      'rbac.authorization.k8s.io/v1',
      {
        metadata: { name: 'system:a' },
        rules: [
          { apiGroups: [''], resources: ['pods'], verbs: ['get'] },
          { nonResourceURLs: ['/healthz'], verbs: ['get'] },
        ],
      },
    ],
    [
      'RoleBinding',
      'rbac.authorization.k8s.io/v1',
      {
        roleRef: { kind: 'ClusterRole', name: 'view' },
        subjects: [
          { kind: 'ServiceAccount', name: 'a' },
          { kind: 'User', name: 'a@b.c' },
        ],
      },
    ],
    [
      'ResourceQuota',
      'v1',
      {
        spec: {
          hard: {
            'requests.cpu': '1',
            pods: '10',
            'count/deployments.apps': '2',
            'requests.nvidia.com/gpu': '1',
          },
        },
      },
    ],
    [
      'LimitRange',
      'v1',
      {
        spec: {
          limits: [
            {
              type: 'Container',
              default: { cpu: '500m' },
              defaultRequest: { cpu: '100m' },
              max: { cpu: '1' },
            },
          ],
        },
      },
    ],
    ['Secret', 'v1', { data: { a: 'YQ==' } }],
    ['Namespace', 'v1', { metadata: { name: 'a' } }],
    [
      'PersistentVolume',
      'v1',
      { spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, hostPath: { path: '/x' } } },
    ],
    [
      'PodDisruptionBudget',
      'policy/v1',
      { spec: { minAvailable: '50%', selector: { matchLabels: { a: 'b' } } } },
    ],
    [
      'SelfSubjectAccessReview',
      'authorization.k8s.io/v1',
      { metadata: { name: '', namespace: '' }, spec: {} },
    ],
    [
      'Job',
      'batch/v1',
      {
        spec: {
          selector: { matchLabels: { a: 'b' } },
          template: { metadata: { labels: { a: 'b' } }, spec: pod({ restartPolicy: 'Never' }) },
        },
      },
    ],
  ])('%s', (kind, apiVersion, fields) => {
    expect(created(kind, apiVersion, fields)).toEqual([]);
  });
});

describe('new objects are refused in upstream words', () => {
  it.each([
    [
      'Namespace',
      'v1',
      { metadata: { name: 'A_b' } },
      [`metadata.name: Invalid value: "A_b": ${LABEL_RULE}`],
    ],
    [
      'ConfigMap',
      'v1',
      { metadata: { name: '' } },
      ['metadata.name: Required value: name or generateName is required'],
    ],
    [
      'ConfigMap',
      'v1',
      { metadata: { labels: { a: '-' } } },
      [
        "metadata.labels: Invalid value: \"-\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue', or 'my_value', or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
      ],
    ],
    [
      'ConfigMap',
      'v1',
      { metadata: { annotations: { a: 'x'.repeat(300_000) } } },
      ['metadata.annotations: Too long: may not be more than 262144 bytes'],
    ],
    [
      'ClusterRole',
      'rbac.authorization.k8s.io/v1',
      { metadata: { namespace: 'a' } },
      ['metadata.namespace: Forbidden: not allowed on this type'],
    ],
    ['Pod', 'v1', { spec: { containers: [] } }, ['spec.containers: Required value']],
    ['Pod', 'v1', { spec: container({ image: '' }) }, ['spec.containers[0].image: Required value']],
    [
      'Pod',
      'v1',
      {
        spec: pod({
          containers: [
            { name: 'a', image: 'b' },
            { name: 'a', image: 'b' },
          ],
        }),
      },
      ['spec.containers[1].name: Duplicate value: "a"'],
    ],
    [
      'Pod',
      'v1',
      { spec: container({ ports: [{ containerPort: 70000 }] }) },
      [
        'spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
      ],
    ],
    [
      'Pod',
      'v1',
      { spec: container({ volumeMounts: [{ name: 'v', mountPath: '/v' }] }) },
      ['spec.containers[0].volumeMounts[0].name: Not found: "v"'],
    ],
    [
      'Pod',
      'v1',
      { spec: container({ resources: { limits: { cpu: '1' }, requests: { cpu: '2' } } }) },
      [
        'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
      ],
    ],
    [
      'Pod',
      'v1',
      { spec: container({ imagePullPolicy: 'Sometimes' }) },
      [
        'spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"',
      ],
    ],
    [
      'Pod',
      'v1',
      { spec: pod({ restartPolicy: 'Maybe' }) },
      ['spec.restartPolicy: Unsupported value: "Maybe": supported values: "Always", "OnFailure", "Never"'],
    ],
    [
      'Pod',
      'v1',
      { spec: container({ livenessProbe: {} }) },
      ['spec.containers[0].livenessProbe: Required value: must specify a handler type'],
    ],
    [
      'Pod',
      'v1',
      {
        spec: pod({ topologySpreadConstraints: [{ maxSkew: 0, topologyKey: 'a', whenUnsatisfiable: 'X' }] }),
      },
      [
        'spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero',
        'spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "X": supported values: "DoNotSchedule", "ScheduleAnyway"',
      ],
    ],
    [
      'Pod',
      'v1',
      {
        spec: pod({
          affinity: {
            podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: {} }] },
          },
        }),
      },
      [
        'spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Required value: can not be empty',
      ],
    ],
    [
      'Deployment',
      'apps/v1',
      { spec: deployment({ selector: undefined }) },
      ['spec.selector: Required value'],
    ],
    [
      'Deployment',
      'apps/v1',
      { spec: deployment({ selector: { matchLabels: { app: 'x' } } }) },
      [
        'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`',
      ],
    ],
    [
      'Deployment',
      'apps/v1',
      { spec: deployment({ replicas: -1 }) },
      ['spec.replicas: Invalid value: -1: must be greater than or equal to 0'],
    ],
    [
      'Deployment',
      'apps/v1',
      {
        spec: deployment({
          template: { metadata: { labels: { app: 'a' } }, spec: pod({ restartPolicy: 'Never' }) },
        }),
      },
      ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
    ],
    [
      'CronJob',
      'batch/v1',
      { spec: { schedule: 'x', jobTemplate: { spec: { template: { spec: pod() } } } } },
      [
        'spec.schedule: Invalid value: "x": expected exactly 5 fields, found 1: [x]',
        'spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
      ],
    ],
    ['Service', 'v1', { spec: { ports: [] } }, ['spec.ports: Required value']],
    [
      'Service',
      'v1',
      { spec: { ports: [{ port: 80 }, { port: 81 }] } },
      ['spec.ports[0].name: Required value', 'spec.ports[1].name: Required value'],
    ],
    [
      'Ingress',
      'networking.k8s.io/v1',
      { spec: {} },
      ['spec: Invalid value: []: either `defaultBackend` or `rules` must be specified'],
    ],
    [
      'Role',
      'rbac.authorization.k8s.io/v1',
      { rules: [{ apiGroups: [''], resources: ['pods'] }] },
      ['rules[0].verbs: Required value: verbs must contain at least one value'],
    ],
    [
      'RoleBinding',
      'rbac.authorization.k8s.io/v1',
      { roleRef: { kind: 'Thing', name: 'a' } },
      ['roleRef.kind: Unsupported value: "Thing": supported values: "Role", "ClusterRole"'],
    ],
    [
      'ResourceQuota',
      'v1',
      { spec: { hard: { bananas: '1' } } },
      ['spec.hard[bananas]: Invalid value: "bananas": must be a standard resource for quota'],
    ],
    [
      'PersistentVolumeClaim',
      'v1',
      { spec: {} },
      [
        'spec.accessModes: Required value: at least 1 access mode is required',
        'spec.resources[storage]: Required value',
      ],
    ],
    [
      'Secret',
      'v1',
      { type: 'kubernetes.io/tls', data: { 'tls.crt': '' } },
      ['data[tls.key]: Required value'],
    ],
  ])('%s %#', (kind, apiVersion, fields, expected) => {
    expect(created(kind, apiVersion, fields)).toEqual(expected);
  });
});
