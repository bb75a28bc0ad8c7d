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
