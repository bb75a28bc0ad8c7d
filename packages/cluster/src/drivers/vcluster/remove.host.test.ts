import { systemClock } from '@hexabase/kernel/clock.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { kubeBinaries } from '@hexabase/testkit/host-cluster.ts';
import { startKubeApiServer } from '@hexabase/testkit/kube-api-server.ts';
import { expect, it } from 'vitest';
import { createKubeClient } from '../../kube-api/client.ts';
import { resourcePath } from '../../kube-api/resource-path.ts';
import { clusterRoleOf, namesOf, ownerLabels } from './names.ts';
import { removeTenant } from './remove.ts';

const binaries = kubeBinaries();
const token = 'administrator';

it.skipIf(binaries === null)(
  'a role with our labels that is not ours by its name stays, is told with the reason, and holds up no other',
  async () => {
    await using stack = new AsyncDisposableStack();
    const administrator = { token, name: token, groups: ['system:masters'] };
    const server = stack.use(await startKubeApiServer(binaries ?? '', [administrator]));
    const { url, certificateAuthority } = server;
    const host = stack.use(
      createKubeClient({ server: url, certificateAuthority, credentials: { kind: 'token', token } }),
    );
    const workspaceId = newId<'Workspace'>();
    const path = resourcePath('rbac.authorization.k8s.io/v1', 'ClusterRole');
    const ours = clusterRoleOf(namesOf(workspaceId));
    for (const name of [ours, 'somebodys']) {
      const body = { metadata: { name, labels: ownerLabels(workspaceId) }, rules: [] };
      expect((await host.request({ method: 'POST', path, body })).status).toBe(201);
    }
    const signal = AbortSignal.timeout(60_000);
    const removal = await removeTenant({ host, clock: systemClock, workspaceId, fence: 1, signal });
    expect(removal.removed).toEqual([{ kind: 'clusterrole', key: `${workspaceId}/${ours}` }]);
    expect(removal.left).toEqual([
      {
        kind: 'clusterrole',
        key: `${workspaceId}/somebodys`,
        why: expect.stringContaining('not ours by its name'),
      },
    ]);
    expect((await host.request({ method: 'GET', path: `${path}/somebodys` })).status).toBe(200);
  },
);

it.skipIf(binaries === null)(
  'whatever else carries the labels of a workspace on the host is told, and left to whose it is',
  async () => {
    await using stack = new AsyncDisposableStack();
    const administrator = { token, name: token, groups: ['system:masters'] };
    const server = stack.use(await startKubeApiServer(binaries ?? '', [administrator]));
    const { url, certificateAuthority } = server;
    const host = stack.use(
      createKubeClient({ server: url, certificateAuthority, credentials: { kind: 'token', token } }),
    );
    const workspaceId = newId<'Workspace'>();
    const metadata = { name: 'somebodys', labels: ownerLabels(workspaceId) };
    const rbac = 'rbac.authorization.k8s.io/v1';
    const admission = 'admissionregistration.k8s.io/v1';
    const none = { policyName: 'none', validationActions: ['Deny'] };
    const rules = [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }];
    const objects = [
      ['v1', 'Namespace', {}],
      ['v1', 'PersistentVolume', { spec: volume }],
      ['storage.k8s.io/v1', 'StorageClass', { provisioner: 'example.com/none' }],
      [admission, 'ValidatingAdmissionPolicyBinding', { spec: none }],
      [
        admission,
        'ValidatingAdmissionPolicy',
        { spec: { matchConstraints: { resourceRules: rules }, validations: [{ expression: 'true' }] } },
      ],
      [rbac, 'ClusterRole', { rules: [] }],
      [
        rbac,
        'ClusterRoleBinding',
        { roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' } },
      ],
    ] as const;
    for (const [apiVersion, kind, rest] of objects) {
      const body = { apiVersion, kind, metadata, ...rest };
      const { status, body: said } = await host.request({
        method: 'POST',
        path: resourcePath(apiVersion, kind),
        body,
      });
      expect(status, JSON.stringify(said)).toBe(201);
    }
    const signal = AbortSignal.timeout(60_000);
    const { removed, left, checked } = await removeTenant({
      host,
      clock: systemClock,
      workspaceId,
      fence: 1,
      signal,
    });
    expect(removed).toEqual([]);
    const told = objects.map(([, kind]) => `${kind.toLowerCase()} ${workspaceId}/somebodys`);
    expect(left.map(({ kind, key }) => `${kind} ${key}`).sort()).toEqual(told.sort());
    for (const { why } of left) expect(why).toContain('not ours by its name');
    expect(checked?.join('\n')).toContain(
      'Namespace, PersistentVolume, StorageClass, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding',
    );
    expect(checked?.join('\n')).toContain(`ConfigMap hexabase-fence-${workspaceId} in hexabase-system`);
    for (const [apiVersion, kind] of objects)
      expect(
        (await host.request({ method: 'GET', path: resourcePath(apiVersion, kind, { name: 'somebodys' }) }))
          .status,
      ).toBe(200);
  },
);

const volume = {
  capacity: { storage: '1Gi' },
  accessModes: ['ReadWriteOnce'],
  hostPath: { path: '/nowhere' },
};
