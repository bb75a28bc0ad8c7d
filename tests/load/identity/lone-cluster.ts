import { randomUUID } from 'node:crypto';
import { makeAuthority, signServer } from '@hexabase/kernel/certificates/sign-certificates.ts';
import { serveKubernetes } from '@hexabase/kubernetes/serve.ts';
import { onceUnused } from './program.ts';

/** `node lone-cluster.ts '{"token": …}'`: one embedded cluster that serves itself over TLS, for an administrator by role. */
const { token }: { token: string } = JSON.parse(process.argv[2] ?? '');
const group = 'hexabase:ws-admins';
const authority = makeAuthority(['127.0.0.1'], Date.now());
const { certPem, keyPem } = signServer(authority, ['127.0.0.1'], Date.now());
const { url, kubernetes } = await serveKubernetes({
  port: 0,
  token: randomUUID(),
  authorization: 'RBAC',
  nodes: 3,
  users: { [token]: { username: 'hexabase:owner@hexabase.local', groups: [group, 'system:authenticated'] } },
  tls: { cert: certPem, key: keyPem },
});
for (const { id } of await kubernetes.listClusters()) {
  await kubernetes.request(id, {
    method: 'POST',
    path: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
    body: {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'administrators' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: group }],
    },
  });
}
process.stdout.write(`${JSON.stringify({ url, ca: authority.certPem })}\n`);
onceUnused(() => process.exit());
