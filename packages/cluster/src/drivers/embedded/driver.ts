import { brandId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import { versionInfo } from '@hexabase/kubernetes/schema/documents.ts';
import { StaleFenceError } from '@hexabase/kubernetes/stale-fence.ts';
import type { ClusterConfig, Kubernetes } from '@hexabase/kubernetes/types.ts';
import { namespaceHints } from '../../namespace-hints.ts';
import { FencedError, type ClusterDriver, type InventoryItem, type TenantSpec } from '../../port.ts';
import { abortable } from '../../abortable.ts';
import { refuseLost } from '../../tenant-lost.ts';
import { nodesFor } from './nodes.ts';

/** What the driver remembers with each cluster. */
const note = { generation: 'generation', slug: 'slug', asleep: 'asleep' } as const;

const version = versionInfo.gitVersion;
const minor = /^v(\d+\.\d+)/.exec(version)?.[1] ?? version;

/**
 * The driver of the embedded default: one logical cluster of the in-process Kubernetes API per workspace. Fences are
 * kept by that library in the transaction of each change and outlive a removal, so a late create finds them. A cluster at
 * rest costs nothing, so sleep is only remembered: whoever asks for it is told that it does not answer.
 */
export function embeddedDriver(kubernetes: Kubernetes): ClusterDriver {
  const hints = namespaceHints();
  return {
    name: 'embedded',
    watchNamespaces: hints.watch,
    async ensureTenant(spec, { signal }) {
      if (spec.uid) {
        const found = await abortable(signal, () => kubernetes.findCluster(spec.workspaceId));
        refuseLost(spec.uid, found?.uid ?? null, 'Its Kubernetes API in the database');
      }
      const made = () => kubernetes.ensureCluster(spec.workspaceId, configOf(spec), spec.fence);
      await fenced(spec.workspaceId, () => abortable(signal, made));
    },
    observeTenant: (workspaceId, { signal }) =>
      abortable(signal, async () => {
        const found = await kubernetes.findCluster(workspaceId);
        if (!found) return { kind: 'absent' };
        const notes = found.config.annotations ?? {};
        const asleep = notes[note.asleep] === 'true';
        return {
          kind: 'present',
          uid: found.uid,
          generation: Number(notes[note.generation] ?? 0),
          ready: !asleep,
          asleep,
          kubernetesVersion: version,
          conditions: [],
        };
      }),
    async removeTenant(workspaceId, fence, { signal }) {
      const existed = (await abortable(signal, () => kubernetes.findCluster(workspaceId))) !== null;
      await fenced(workspaceId, () => abortable(signal, () => kubernetes.removeCluster(workspaceId, fence)));
      return { removed: existed ? [itemOf(workspaceId)] : [], left: [] };
    },
    kubernetesVersions: async () => [minor],
    copying: async () => ({ whileAsleep: true }),
    async listTenants({ signal }) {
      const clusters = await abortable(signal, () => kubernetes.listClusters());
      return clusters.map(({ id, uid }) => ({ workspaceId: brandId<'Workspace'>(id), uid }));
    },
    tenantClient: (workspaceId) => ({
      request: (request) => abortable(request.signal, () => kubernetes.request(workspaceId, request)),
    }),
    upstream: async (workspaceId) => ({
      kind: 'handler',
      handle: (request, response) => {
        hints.notice(workspaceId, request, response);
        kubernetes.handle(workspaceId, request, response);
      },
      upgrade: (request, socket, head) => kubernetes.upgrade(workspaceId, request, socket, head),
    }),
  };
}

/** The port's own error for a worker that was replaced. */
async function fenced(workspaceId: WorkspaceId, change: () => Promise<unknown>): Promise<void> {
  try {
    await change();
  } catch (error) {
    throw error instanceof StaleFenceError ? new FencedError(workspaceId) : error;
  }
}

function configOf(spec: TenantSpec): ClusterConfig {
  return {
    authorization: 'RBAC',
    nodes: nodesFor(spec.size),
    basePath: `/k8s/workspaces/${spec.workspaceId}`,
    annotations: {
      [note.generation]: String(spec.generation),
      [note.slug]: spec.slug,
      [note.asleep]: String(spec.asleep),
    },
  };
}

function itemOf(workspaceId: WorkspaceId): InventoryItem {
  return { kind: 'kubernetes-cluster', key: workspaceId };
}
