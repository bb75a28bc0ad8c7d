import { brandId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import type { ClusterConfig, Kubernetes } from '@hexabase/kubernetes/types.ts';
import { FencedError, type ClusterDriver, type InventoryItem, type TenantSpec, type TenantState } from '../../port.ts';
import { namespaceHints } from '../../namespace-hints.ts';
import { nodesFor } from './nodes.ts';

/** What the driver remembers with each cluster. */
const note = { fence: 'fence', generation: 'generation', slug: 'slug' } as const;

/** The driver of the embedded default: one logical cluster of the in-process Kubernetes API per workspace. */
export function embeddedDriver(kubernetes: Kubernetes): ClusterDriver {
  const refuseOlder = async (workspaceId: WorkspaceId, fence: number): Promise<ClusterConfig | null> => {
    const found = await kubernetes.findCluster(workspaceId);
    if (found && Number(found.config.annotations?.[note.fence] ?? 0) > fence) throw new FencedError(workspaceId);
    return found?.config ?? null;
  };
  const hints = namespaceHints();
  return {
    name: 'embedded',
    watchNamespaces: hints.watch,
    async ensureTenant(spec) {
      await refuseOlder(spec.workspaceId, spec.fence);
      await kubernetes.ensureCluster(spec.workspaceId, configOf(spec));
    },
    async observeTenant(workspaceId): Promise<TenantState> {
      const found = await kubernetes.findCluster(workspaceId);
      if (!found) return { kind: 'absent' };
      const generation = Number(found.config.annotations?.[note.generation] ?? 0);
      return { kind: 'present', uid: found.uid, generation, ready: true, conditions: [] };
    },
    async removeTenant(workspaceId, fence) {
      const existed = (await refuseOlder(workspaceId, fence)) !== null;
      await kubernetes.removeCluster(workspaceId);
      return { removed: existed ? [itemOf(workspaceId)] : [], left: [] };
    },
    async listTenants() {
      const clusters = await kubernetes.listClusters();
      return clusters.map(({ id, uid }) => ({ workspaceId: brandId<'Workspace'>(id), uid }));
    },
    tenantClient: (workspaceId) => ({ request: (request) => kubernetes.request(workspaceId, request) }),
    upstream: (workspaceId) => ({
      kind: 'handler',
      handle: (request, response) => {
        hints.notice(workspaceId, request, response);
        kubernetes.handle(workspaceId, request, response);
      },
      upgrade: (request, socket, head) => kubernetes.upgrade(workspaceId, request, socket, head),
    }),
  };
}

function configOf(spec: TenantSpec): ClusterConfig {
  return {
    authorization: 'RBAC',
    nodes: nodesFor(spec.size),
    basePath: `/k8s/workspaces/${spec.workspaceId}`,
    annotations: {
      [note.fence]: String(spec.fence),
      [note.generation]: String(spec.generation),
      [note.slug]: spec.slug,
    },
  };
}

function itemOf(workspaceId: WorkspaceId): InventoryItem {
  return { kind: 'kubernetes-cluster', key: workspaceId };
}
