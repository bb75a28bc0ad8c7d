import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import { createKubeClient, type KubeClient } from '../../kube-api/client.ts';
import { parseKubeconfig } from '../../kube-api/endpoint.ts';
import type { TenantClient } from '../../port.ts';
import { readIfThere, readRecord, tenantPaths } from './tenant-folder.ts';
import { trustFiles } from './trust.ts';

export interface TenantClients extends Disposable {
  /** Administrative requests; 404 when there is no such tenant. */
  of(workspaceId: WorkspaceId): TenantClient;
  /** Closes the connections to it. */
  forget(workspaceId: WorkspaceId): void;
}

/** One pool of connections per tenant, made anew when its kubeconfig changes. */
export function tenantClients(root: string): TenantClients {
  const open = new Map<WorkspaceId, { kubeconfig: string; client: KubeClient }>();

  function forget(workspaceId: WorkspaceId): void {
    open.get(workspaceId)?.client[Symbol.dispose]();
    open.delete(workspaceId);
  }

  async function find(workspaceId: WorkspaceId): Promise<KubeClient | null> {
    const paths = tenantPaths(root, workspaceId);
    const kubeconfig = await readIfThere(trustFiles(paths).kubeconfig('driver'));
    if (kubeconfig === null) {
      if ((await readRecord(paths)) === null) return null;
      throw new Error(`the control plane of workspace ${workspaceId} has not been started yet`);
    }
    const known = open.get(workspaceId);
    if (known?.kubeconfig === kubeconfig) return known.client;
    forget(workspaceId);
    const client = createKubeClient(parseKubeconfig(kubeconfig));
    open.set(workspaceId, { kubeconfig, client });
    return client;
  }

  return {
    of: (workspaceId) => ({
      async request(request) {
        request.signal?.throwIfAborted();
        const client = await find(workspaceId);
        if (client) return client.request(request);
        const message = 'there is no such cluster';
        return {
          status: 404,
          body: { kind: 'Status', status: 'Failure', reason: 'NotFound', message, code: 404 },
        };
      },
    }),
    forget,
    [Symbol.dispose]() {
      for (const id of open.keys()) forget(id);
    },
  };
}
