import { describe, expect, it } from 'vitest';
import { withoutPodsOfOthers } from './narrow-role.ts';

const verbs = ['get', 'watch', 'list'];
const metadata = { name: 'vc-ws-a' };
const role = (kind: string, rules: object[]) => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind,
  metadata,
  rules,
});

describe('the rights of a tenant’s control plane beyond its namespace', () => {
  it('never hold the pods of others, and keep everything else', () => {
    const nodes = { apiGroups: [''], resources: ['pods', 'nodes', 'nodes/status'], verbs };
    const metrics = { apiGroups: ['metrics.k8s.io'], resources: ['nodes', 'pods'], verbs };
    expect(withoutPodsOfOthers(role('ClusterRole', [nodes, metrics]))).toEqual(
      role('ClusterRole', [{ ...nodes, resources: ['nodes', 'nodes/status'] }, metrics]),
    );
  });

  it('hold no rule about nothing, which Kubernetes refuses', () => {
    const pods = { apiGroups: [''], resources: ['pods'], verbs };
    const paths = { nonResourceURLs: ['/healthz'], verbs: ['get'] };
    expect(withoutPodsOfOthers(role('ClusterRole', [pods, paths]))).toEqual(role('ClusterRole', [paths]));
  });

  it('leave those inside its namespace alone', () => {
    const own = role('Role', [{ apiGroups: [''], resources: ['pods'], verbs }]);
    expect(withoutPodsOfOthers(own)).toEqual(own);
  });
});
