import type { Node } from '../objects.ts';
import type { SimulatedNode } from '../types.ts';
import { refOf, type Context, type Controller } from '../controllers/controller.ts';
import { sameValue } from '../controllers/shared/hash.ts';
import { isStatus } from '../controllers/shared/pods.ts';
import {
  isSimulated,
  nodeLabels,
  nodeStatus,
  SIMULATED_ANNOTATION,
  SIMULATED_NOTICE,
} from './node-object.ts';

/** Keeps the Node objects as the cluster's configuration says. A node that was deleted by hand comes back, as a kubelet's would. */
export const nodesController: Controller = {
  name: 'nodes',
  watches: [{ resource: '/nodes', keys: ({ deleted }) => (deleted ? ['/'] : []) }],
  async reconcile(_key, context) {
    const wanted = context.config().nodes;
    for (const [index, node] of wanted.entries()) await ensureNode(context, node, index);
    const names = new Set(wanted.map(({ name }) => name));
    for (const node of context.client.list<Node>('/nodes')) {
      if (isSimulated(node) && !names.has(node.metadata.name)) await removeNode(context, node);
    }
  },
};

async function ensureNode(context: Context, wanted: SimulatedNode, index: number): Promise<void> {
  const { client } = context;
  const ref = { namespace: '', name: wanted.name };
  const status = nodeStatus(wanted, index, context.clock.now());
  const existing = client.get<Node>('/nodes', '', wanted.name);
  if (!existing) return createNode(context, wanted, status);
  if (!isSimulated(existing)) return;
  const labels = { ...existing.metadata.labels, ...nodeLabels(wanted) };
  if (!sameValue(labels, existing.metadata.labels)) {
    await client.update<Node>(
      '/nodes',
      ref,
      (node) => void (node.metadata.labels = { ...node.metadata.labels, ...labels }),
    );
  }
  if (existing.status?.addresses && sameValue(existing.status.capacity, status.capacity)) return;
  await client.updateStatus<Node>('/nodes', ref, (node) => void (node.status = { ...status, images: [] }));
}

async function createNode(
  context: Context,
  wanted: SimulatedNode,
  status: NonNullable<Node['status']>,
): Promise<void> {
  const { client } = context;
  const ref = { namespace: '', name: wanted.name };
  try {
    await client.create('/nodes', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: {
        name: wanted.name,
        labels: nodeLabels(wanted),
        annotations: { [SIMULATED_ANNOTATION]: SIMULATED_NOTICE },
      },
      spec: { ...(wanted.taints && wanted.taints.length > 0 && { taints: wanted.taints }) },
      status,
    });
  } catch (error) {
    if (!isStatus(error, 'AlreadyExists')) throw error;
  }
  // The registry may drop the status of a new object, as it does for users.
  await client.updateStatus<Node>('/nodes', ref, (node) => {
    if (node.status?.addresses) return false;
    node.status = status;
    return true;
  });
}

async function removeNode(context: Context, node: Node): Promise<void> {
  const { client } = context;
  for (const pod of client.store.podsOnNode(node.metadata.name)) {
    await client.delete('/pods', refOf(pod), { uid: pod.metadata.uid, gracePeriodSeconds: 0 });
  }
  await client.delete('/nodes', refOf(node), { uid: node.metadata.uid });
}
