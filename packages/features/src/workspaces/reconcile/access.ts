import { deleteObject, ensureObject, metadataOf, readObject } from '@hexabase/cluster/ensure-object.ts';
import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import type { Step } from '@hexabase/reconcile/reconciler.ts';
import { wakeAccess } from '../../access/public.ts';
import { putBack } from '../../access/reconcile/put-back.ts';
import { defaultClusterBindings, presetClusterRoles } from '../../access/reconcile/wanted-objects.ts';
import type { WorkspaceSubject } from './store.ts';
import { audienceOf, type TenantDeps } from './tenant.ts';

const labels = { 'app.kubernetes.io/managed-by': 'hexabase' };
const roles = '/apis/rbac.authorization.k8s.io/v1/clusterroles';
const bindings = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings';

export function identityStep(deps: TenantDeps): Step<WorkspaceSubject> {
  return {
    name: 'identity-trust',
    words: 'Setting up sign-in',
    timeoutMs: 30_000,
    run: async ({ subject, signal }) => {
      await publishIdentity(deps, subject.id, signal);
      return {
        kind: 'done',
        conditions: [{ type: 'IdentityReady', status: 'True', reason: 'Published', message: '' }],
      };
    },
  };
}

/** Publishes whom the cluster trusts: tools in the workspace read it instead of being told. */
export async function publishIdentity(
  { driver, issuer }: TenantDeps,
  workspaceId: WorkspaceId,
  signal: AbortSignal,
): Promise<void> {
  const place = {
    client: driver.tenantClient(workspaceId),
    path: '/api/v1/namespaces/kube-public/configmaps',
    signal,
  };
  await ensureObject(place, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'hexabase-oidc-config', namespace: 'kube-public', labels },
    data: {
      'issuer-url': issuer,
      'client-id': audienceOf(workspaceId),
      'username-claim': 'email',
      'username-prefix': 'hexabase:',
      'groups-claim': 'groups',
      'groups-prefix': '',
    },
  });
}

/** What every workspace has. Its own roles and what was given follow by a reconciler of their own, which also puts them back. */
export function accessStep(deps: TenantDeps): Step<WorkspaceSubject> {
  return {
    name: 'access',
    words: 'Setting up roles and groups',
    timeoutMs: 60_000,
    run: async ({ subject, signal }) => {
      const client = deps.driver.tenantClient(subject.id);
      await ensurePresetRoles(deps, subject.id, signal);
      await Promise.all(
        defaultClusterBindings(subject.groups).map((binding) =>
          ensureObject({ client, path: bindings, signal }, binding),
        ),
      );
      return {
        kind: 'done',
        conditions: [{ type: 'AccessReady', status: 'True', reason: 'RolesInPlace', message: '' }],
      };
    },
    commit: (tx, { subject }) => wakeAccess(tx, [subject.id]),
  };
}

export async function ensurePresetRoles(
  { driver }: TenantDeps,
  workspaceId: WorkspaceId,
  signal: AbortSignal,
): Promise<void> {
  const place = { client: driver.tenantClient(workspaceId), path: roles, signal };
  await Promise.all(presetClusterRoles().map((role) => ensureObject(place, role)));
}

/** First thing of a removal: from here on nobody's group gives anything in the cluster. */
export function closeAccessStep(driver: ClusterDriver): Step<WorkspaceSubject> {
  return {
    name: 'close-access',
    words: 'Ending access',
    timeoutMs: 30_000,
    run: async ({ subject, signal }) => {
      const state = await driver.observeTenant(subject.id, { signal });
      if (state.kind === 'present' && state.ready) {
        const place = { client: driver.tenantClient(subject.id), path: bindings, signal };
        await putBack(place, []);
        for (const { metadata } of defaultClusterBindings(subject.groups)) {
          const found = await readObject(place, metadata.name);
          if (found) await deleteObject(place, metadata.name, metadataOf(found).uid);
        }
      }
      return {
        kind: 'done',
        conditions: [{ type: 'AccessReady', status: 'False', reason: 'Deleting', message: '' }],
      };
    },
  };
}
