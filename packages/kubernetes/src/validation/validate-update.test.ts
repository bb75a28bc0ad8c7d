import { describe, expect, it } from 'vitest';
import { container, deployment, pod, updated } from './cases-for-tests.ts';

describe('changes are refused in upstream words', () => {
  it.each([
    [
      'Deployment',
      'apps/v1',
      {
        from: { spec: deployment() },
        to: {
          spec: deployment({
            selector: { matchLabels: { app: 'a', b: 'c' } },
            template: { metadata: { labels: { app: 'a', b: 'c' } }, spec: pod() },
          }),
        },
      },
      ['spec.selector: Invalid value: {"matchLabels":{"app":"a","b":"c"}}: field is immutable'],
    ],
    [
      'Pod',
      'v1',
      { from: { spec: pod() }, to: { spec: container({ command: ['x'] }) } },
      [
        expect.stringMatching(
          /^spec: Forbidden: pod updates may not change fields other than `spec.containers\[\*\].image`/,
        ),
      ],
    ],
    [
      'Pod',
      'v1',
      { from: { spec: pod() }, to: { spec: container({ image: 'nginx:2', imagePullPolicy: 'Always' }) } },
      [],
    ],
    [
      'Secret',
      'v1',
      { from: { immutable: true, data: { a: 'YQ==' } }, to: { immutable: true, data: { a: 'Yg==' } } },
      ['data: Forbidden: field is immutable when `immutable` is set'],
    ],
    [
      'ConfigMap',
      'v1',
      { from: { immutable: true }, to: {} },
      ['immutable: Forbidden: field is immutable when `immutable` is set'],
    ],
    [
      'RoleBinding',
      'rbac.authorization.k8s.io/v1',
      { from: { roleRef: { kind: 'Role', name: 'a' } }, to: { roleRef: { kind: 'Role', name: 'b' } } },
      [
        'roleRef: Invalid value: {"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"b"}: cannot change roleRef',
      ],
    ],
    [
      'Service',
      'v1',
      {
        from: { spec: { clusterIP: '10.0.0.1', ports: [{ port: 80 }] } },
        to: { spec: { clusterIP: '10.0.0.2', clusterIPs: ['10.0.0.2'], ports: [{ port: 80 }] } },
      },
      ['spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set'],
    ],
    [
      'StatefulSet',
      'apps/v1',
      { from: { spec: deployment({ serviceName: 'a' }) }, to: { spec: deployment({ serviceName: 'b' }) } },
      [
        "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
      ],
    ],
    [
      'StatefulSet',
      'apps/v1',
      { from: { spec: deployment({ replicas: 1 }) }, to: { spec: deployment({ replicas: 3 }) } },
      [],
    ],
    [
      'ConfigMap',
      'v1',
      {
        from: { metadata: { deletionTimestamp: '2020-01-01T00:00:00Z' } },
        to: { metadata: { deletionTimestamp: '2020-01-01T00:00:00Z', finalizers: ['a.b/c'] } },
      },
      [
        'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"a.b/c"}',
      ],
    ],
  ])('%s %#', (kind, apiVersion, change, expected) => {
    expect(updated(kind, apiVersion, change)).toEqual(expected);
  });
});
