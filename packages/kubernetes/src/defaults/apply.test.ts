import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { generatedBytes } from '../schema/generated-data.ts';
import { applyDefaults } from './apply.ts';
import { pullPolicyOf } from './container.ts';

interface AnyObject {
  apiVersion: string;
  kind: string;
}

function defaulted(object: AnyObject & Record<string, unknown>): unknown {
  applyDefaults(object);
  return object;
}

const goldens: Record<string, { json: AnyObject & Record<string, unknown> }> = JSON.parse(
  gunzipSync(generatedBytes('goldens.test-data.json.gz')).toString('utf8'),
);

describe('defaults', () => {
  it.each(Object.keys(goldens))('are stable when applied twice: %s', (name) => {
    const once = defaulted(structuredClone(goldens[name]?.json ?? { apiVersion: '', kind: '' }));
    expect(defaulted(JSON.parse(JSON.stringify(once)))).toEqual(once);
  });

  it('of a pod are those of the API server', () => {
    const container = {
      name: 'c',
      image: 'nginx',
      ports: [{ containerPort: 80 }],
      resources: { limits: { cpu: '1' } },
      readinessProbe: { httpGet: { port: 80 } },
    };
    expect(
      defaulted({
        apiVersion: 'v1',
        kind: 'Pod',
        spec: {
          containers: [container],
          volumes: [{ name: 'v' }, { name: 's', secret: { secretName: 'x' } }],
        },
      }),
    ).toEqual({
      apiVersion: 'v1',
      kind: 'Pod',
      spec: {
        dnsPolicy: 'ClusterFirst',
        restartPolicy: 'Always',
        securityContext: {},
        terminationGracePeriodSeconds: 30,
        schedulerName: 'default-scheduler',
        enableServiceLinks: true,
        volumes: [
          { name: 'v', emptyDir: {} },
          { name: 's', secret: { secretName: 'x', defaultMode: 420 } },
        ],
        containers: [
          {
            name: 'c',
            image: 'nginx',
            imagePullPolicy: 'Always',
            terminationMessagePath: '/dev/termination-log',
            terminationMessagePolicy: 'File',
            ports: [{ containerPort: 80, protocol: 'TCP' }],
            resources: { limits: { cpu: '1' }, requests: { cpu: '1' } },
            readinessProbe: {
              httpGet: { port: 80, path: '/', scheme: 'HTTP' },
              timeoutSeconds: 1,
              periodSeconds: 10,
              successThreshold: 1,
              failureThreshold: 3,
            },
          },
        ],
      },
    });
  });

  it('of a template do not copy limits to requests', () => {
    const template = {
      spec: { containers: [{ name: 'c', image: 'a:1', resources: { limits: { cpu: '1' } } }] },
    };
    expect(defaulted({ apiVersion: 'apps/v1', kind: 'Deployment', spec: { template } })).toMatchObject({
      spec: {
        replicas: 1,
        revisionHistoryLimit: 10,
        progressDeadlineSeconds: 600,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
        template: {
          spec: { containers: [{ imagePullPolicy: 'IfNotPresent', resources: { limits: { cpu: '1' } } }] },
        },
      },
    });
    expect(template.spec.containers[0]?.resources).not.toHaveProperty('requests');
  });

  it('keep explicit zeros that Go can tell from unset', () => {
    expect(defaulted({ apiVersion: 'apps/v1', kind: 'Deployment', spec: { replicas: 0 } })).toMatchObject({
      spec: { replicas: 0 },
    });
    expect(
      defaulted({ apiVersion: 'batch/v1', kind: 'Job', spec: { parallelism: 0, completions: 0 } }),
    ).toMatchObject({ spec: { parallelism: 0, completions: 0 } });
  });

  it.each([
    [
      'Service',
      'v1',
      { spec: { ports: [{ port: 80 }] } },
      {
        spec: {
          type: 'ClusterIP',
          sessionAffinity: 'None',
          internalTrafficPolicy: 'Cluster',
          ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
        },
      },
    ],
    [
      'Service',
      'v1',
      { spec: { type: 'LoadBalancer' } },
      { spec: { externalTrafficPolicy: 'Cluster', allocateLoadBalancerNodePorts: true } },
    ],
    [
      'Job',
      'batch/v1',
      { spec: {} },
      {
        spec: {
          completions: 1,
          parallelism: 1,
          backoffLimit: 6,
          completionMode: 'NonIndexed',
          suspend: false,
          podReplacementPolicy: 'TerminatingOrFailed',
        },
      },
    ],
    [
      'CronJob',
      'batch/v1',
      { spec: {} },
      {
        spec: {
          concurrencyPolicy: 'Allow',
          suspend: false,
          successfulJobsHistoryLimit: 3,
          failedJobsHistoryLimit: 1,
        },
      },
    ],
    [
      'Namespace',
      'v1',
      { metadata: { name: 'a' } },
      { metadata: { labels: { 'kubernetes.io/metadata.name': 'a' } }, status: { phase: 'Active' } },
    ],
    ['Secret', 'v1', {}, { type: 'Opaque' }],
    [
      'RoleBinding',
      'rbac.authorization.k8s.io/v1',
      {
        subjects: [
          { kind: 'User', name: 'a' },
          { kind: 'ServiceAccount', name: 'b' },
        ],
      },
      {
        roleRef: { apiGroup: 'rbac.authorization.k8s.io' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io' }, { kind: 'ServiceAccount', name: 'b' }],
      },
    ],
    [
      'NetworkPolicy',
      'networking.k8s.io/v1',
      { spec: { egress: [{}] } },
      { spec: { policyTypes: ['Ingress', 'Egress'] } },
    ],
    [
      'StatefulSet',
      'apps/v1',
      { spec: {} },
      {
        spec: {
          podManagementPolicy: 'OrderedReady',
          updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
          persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
        },
      },
    ],
    [
      'LimitRange',
      'v1',
      { spec: { limits: [{ type: 'Container', max: { cpu: '2' }, min: { memory: '1Mi' } }] } },
      { spec: { limits: [{ default: { cpu: '2' }, defaultRequest: { cpu: '2', memory: '1Mi' } }] } },
    ],
  ])('of %s (%s)', (kind, apiVersion, object, expected) => {
    expect(defaulted({ apiVersion, kind, ...object })).toMatchObject(expected);
  });

  it.each([
    ['nginx', 'Always'],
    ['nginx:latest', 'Always'],
    ['nginx:1.27', 'IfNotPresent'],
    ['host:5000/nginx', 'Always'],
    ['nginx@sha256:00', 'IfNotPresent'],
  ])('pull %s %s', (image, policy) => expect(pullPolicyOf(image)).toBe(policy));
});
