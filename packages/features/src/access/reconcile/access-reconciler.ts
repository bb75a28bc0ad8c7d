import type { ClusterDriver, TenantClient } from '@hexabase/cluster/port.ts';
import type { Reconciler, Step } from '@hexabase/reconcile/reconciler.ts';
import { accessKind } from '../public.ts';
import { putBack } from './put-back.ts';
import { loadAccessSubject, workspacesWithAccess, type AccessSubject } from './store.ts';
import {
  assignedClusterBindings,
  customClusterRoles,
  defaultClusterBindings,
  presetClusterRoles,
  projectBindings,
} from './wanted-objects.ts';

const rbac = '/apis/rbac.authorization.k8s.io/v1';

/** Mirrors roles and assignments of a workspace into its cluster, and puts back what somebody changed there. */
export function accessReconciler({ driver }: { driver: ClusterDriver }): Reconciler<AccessSubject> {
  const mirror = {
    name: 'mirror',
    steps: [workspaceStep(driver), projectsStep(driver)],
    doneWords: '',
  };
  return {
    kind: accessKind,
    workflows: [mirror],
    load: loadAccessSubject,
    workflowFor: () => mirror,
    save: async () => undefined,
    keys: workspacesWithAccess,
  };
}

/** Roles come before bindings, so that nothing is bound to what is not there. */
function workspaceStep(driver: ClusterDriver): Step<AccessSubject> {
  return {
    name: 'workspace-roles',
    words: 'Mirroring roles of the workspace',
    timeoutMs: 60_000,
    run: async ({ subject, signal }) => {
      const client = clientOf(driver, subject);
      const roles = [...presetClusterRoles(), ...customClusterRoles(subject)];
      await putBack({ client, path: `${rbac}/clusterroles`, signal }, roles);
      await putBack({ client, path: `${rbac}/clusterrolebindings`, signal }, [
        ...defaultClusterBindings(subject.groups),
        ...assignedClusterBindings(subject),
      ]);
      return { kind: 'done' };
    },
  };
}

function projectsStep(driver: ClusterDriver): Step<AccessSubject> {
  return {
    name: 'project-roles',
    words: 'Mirroring roles of the projects',
    timeoutMs: 60_000,
    run: async ({ subject, signal }) => {
      const client = clientOf(driver, subject);
      for (const project of subject.projects) {
        // A namespace that was deleted meanwhile ends its project; that is not for here to wait for.
        if (!(await isThere(client, project, signal))) continue;
        const path = `${rbac}/namespaces/${project}/rolebindings`;
        await putBack({ client, path, signal }, projectBindings(project, subject));
      }
      return { kind: 'done' };
    },
  };
}

function clientOf(driver: ClusterDriver, { workspaceId }: AccessSubject): TenantClient {
  return driver.tenantClient(workspaceId);
}

async function isThere(client: TenantClient, namespace: string, signal: AbortSignal): Promise<boolean> {
  const { status, body } = await client.request({
    method: 'GET',
    path: `/api/v1/namespaces/${namespace}`,
    signal,
  });
  const isTerminating =
    typeof body === 'object' && body !== null && JSON.stringify(body).includes('"deletionTimestamp"');
  return status === 200 && !isTerminating;
}
