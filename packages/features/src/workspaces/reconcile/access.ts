import {
  deleteObject,
  ensureObject,
  metadataOf,
  readObject,
  type WantedObject,
} from '@hexabase/cluster/ensure-object.ts';
import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import type { Step } from '@hexabase/reconcile/reconciler.ts';
import { viewerRules } from './viewer-rules.ts';
import type { WorkspaceSubject } from './store.ts';
import { audienceOf, type TenantDeps } from './tenant.ts';

const labels = { 'app.kubernetes.io/managed-by': 'hexabase' };
const roles = '/apis/rbac.authorization.k8s.io/v1/clusterroles';
const bindings = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings';

/** Publishes whom the cluster trusts: tools in the workspace read it instead of being told. */
export function identityStep({ driver, issuer }: TenantDeps): Step<WorkspaceSubject> {
  return {
    name: 'identity-trust',
    words: 'Setting up sign-in',
    timeoutMs: 30_000,
    run: async ({ subject, signal }) => {
      const place = {
        client: driver.tenantClient(subject.id),
        path: '/api/v1/namespaces/kube-public/configmaps',
        signal,
      };
      await ensureObject(place, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'hexabase-oidc-config', namespace: 'kube-public', labels },
        data: {
          'issuer-url': issuer,
          'client-id': audienceOf(subject.id),
          'username-claim': 'email',
          'username-prefix': 'hexabase:',
          'groups-claim': 'groups',
          'groups-prefix': '',
        },
      });
      return {
        kind: 'done',
        conditions: [{ type: 'IdentityReady', status: 'True', reason: 'Published', message: '' }],
      };
    },
  };
}

/** Roles and who has them. They are always put back: nobody in the workspace can give themselves more by changing them. */
export function accessStep({ driver }: TenantDeps): Step<WorkspaceSubject> {
  return {
    name: 'access',
    words: 'Setting up roles and groups',
    timeoutMs: 60_000,
    run: async ({ subject, signal }) => {
      const client = driver.tenantClient(subject.id);
      await Promise.all(workspaceRoles().map((role) => ensureObject({ client, path: roles, signal }, role)));
      await Promise.all(
        workspaceBindings(subject).map((binding) =>
          ensureObject({ client, path: bindings, signal }, binding),
        ),
      );
      return {
        kind: 'done',
        conditions: [{ type: 'AccessReady', status: 'True', reason: 'RolesInPlace', message: '' }],
      };
    },
  };
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
        for (const { metadata } of workspaceBindings(subject)) {
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

function workspaceRoles(): WantedObject[] {
  const role = (name: string, rules: unknown): WantedObject => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name, labels },
    rules,
  });
  return [
    role('hexabase:workspace-admin', [
      { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
      { nonResourceURLs: ['*'], verbs: ['*'] },
    ]),
    role('hexabase:workspace-viewer', viewerRules),
  ];
}

/** Bindings name groups by id, never a person: who is in a group is decided when a token is made. */
function workspaceBindings({ groups }: WorkspaceSubject): WantedObject[] {
  return [
    binding('hexabase:ws-admins', 'hexabase:workspace-admin', groups.admins),
    binding('hexabase:ws-users', 'hexabase:workspace-viewer', groups.users),
  ];
}

function binding(name: string, role: string, groupId: string | null): WantedObject {
  const names = [name, ...(groupId === null ? [] : [`hexabase:group:${groupId}`])];
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name, labels },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: names.map((group) => ({ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: group })),
  };
}
