import type { Node, Pod, Toleration } from '../../objects.ts';
import type { DaemonSet } from '../../objects-workloads.ts';
import { matchesNode, untolerated } from '../../scheduler/filters.ts';
import {
  keyOf,
  parseKey,
  refOf,
  watchOwned,
  watchSelf,
  type Context,
  type Controller,
} from '../controller.ts';
import type { Requeue } from '../queue.ts';
import { claimOwned } from '../shared/claim.ts';
import { sameValue } from '../shared/hash.ts';
import { scaledValue } from '../shared/int-or-percent.ts';
import { availableInMs, isFinished, isReady } from '../shared/pod-state.ts';
import { createPod, deletePod } from '../shared/pods.ts';
import { ensureRevision, hashOf, trimRevisions, type Revisions } from '../shared/revisions.ts';
import { isEmptySelector, selects } from '../shared/selectors.ts';
import { REVISION_LABEL } from './statefulset-pods.ts';

const COMPONENT = 'daemonset-controller';
const HOST_FIELD = 'metadata.name';

/** Keeps one pod on every node that may have it. The scheduler binds it there, through node affinity. */
export const daemonSetController: Controller = {
  name: 'daemonset',
  watches: [
    watchSelf('apps/daemonsets'),
    watchOwned('/pods', 'DaemonSet'),
    watchOwned('apps/controllerrevisions', 'DaemonSet'),
    {
      resource: '/nodes',
      keys: (_change, { client }) => client.list<DaemonSet>('apps/daemonsets').map(keyOf),
    },
  ],
  async reconcile(key, context) {
    const { namespace, name } = parseKey(key);
    const set = context.client.get<DaemonSet>('apps/daemonsets', namespace, name);
    if (!set || isEmptySelector(set.spec.selector)) return;
    const pods = await claimOwned<Pod>(context, {
      resource: '/pods',
      owner: set,
      matches: (labels) => selects(set.spec.selector, labels),
    });
    if (set.metadata.deletionTimestamp) return;
    const collisionCount = set.status?.collisionCount ?? 0;
    const revisions = await ensureRevision(context, {
      owner: set,
      template: set.spec.template,
      collisionCount,
    });
    return reconcileSet(context, { set, pods, revisions });
  },
};

interface Plan {
  set: DaemonSet;
  pods: readonly Pod[];
  revisions: Revisions;
}

async function reconcileSet(context: Context, { set, pods, revisions }: Plan): Promise<Requeue | void> {
  const hash = hashOf(revisions.current);
  const nodes = context.client.list<Node>('/nodes');
  const byNode = new Map<string, Pod[]>();
  for (const pod of pods) {
    const node = targetNode(pod);
    if (node !== undefined) byNode.set(node, [...(byNode.get(node) ?? []), pod]);
  }
  const wanted = nodes.filter((node) => shouldRun(set, node)).map(({ metadata }) => metadata.name);
  const wantedNames = new Set(wanted);
  for (const [node, own] of byNode) {
    const keep = wantedNames.has(node)
      ? own.find((pod) => !isFinished(pod) && !pod.metadata.deletionTimestamp)
      : undefined;
    for (const pod of own)
      if (pod !== keep && !pod.metadata.deletionTimestamp)
        await deletePod(context, set, { pod, component: COMPONENT });
  }
  for (const node of wanted.filter((name) => !byNode.has(name))) await createOn(context, set, { node, hash });
  if (set.spec.updateStrategy?.type !== 'OnDelete') await rollUpdate(context, set, { byNode, wanted, hash });
  return writeStatus(context, { set, pods, revisions }, { byNode, wanted });
}

/** Replaces pods of old revisions while at most `maxUnavailable` (1) nodes are without an available pod. */
async function rollUpdate(
  context: Context,
  set: DaemonSet,
  state: { byNode: Map<string, Pod[]>; wanted: string[]; hash: string },
): Promise<void> {
  const { byNode, wanted, hash } = state;
  const maxUnavailable = Math.max(
    1,
    scaledValue(set.spec.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1, wanted.length, 'up'),
  );
  const minReady = set.spec.minReadySeconds ?? 0;
  const nowMs = context.clock.now();
  const live = wanted.map((node) => byNode.get(node)?.find((pod) => !pod.metadata.deletionTimestamp));
  let room = maxUnavailable - live.filter((pod) => !pod || availableInMs(pod, minReady, nowMs) !== 0).length;
  for (const pod of live) {
    if (!pod || pod.metadata.labels?.[REVISION_LABEL] === hash) continue;
    const isUp = availableInMs(pod, minReady, nowMs) === 0;
    if (isUp && room <= 0) continue;
    if (isUp) room--;
    await deletePod(context, set, { pod, component: COMPONENT });
  }
}

async function createOn(
  context: Context,
  set: DaemonSet,
  { node, hash }: { node: string; hash: string },
): Promise<void> {
  await createPod(context, {
    owner: set,
    template: set.spec.template,
    component: COMPONENT,
    labels: { [REVISION_LABEL]: hash },
    adjust: (spec) => {
      spec.tolerations = [...(spec.tolerations ?? []), ...daemonTolerations(spec.hostNetwork ?? false)];
      const matchFields = [{ key: HOST_FIELD, operator: 'In', values: [node] }];
      const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
      const terms = required?.nodeSelectorTerms.map((term) => ({ ...term, matchFields })) ?? [
        { matchFields },
      ];
      const nodeAffinity = {
        ...spec.affinity?.nodeAffinity,
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms },
      };
      spec.affinity = { ...spec.affinity, nodeAffinity };
    },
  });
}

/** Daemons stay through troubles of their node (pkg/controller/daemon/util AddOrUpdateDaemonPodTolerations). */
function daemonTolerations(hostNetwork: boolean): Toleration[] {
  const tolerate = (key: string, effect: string): Toleration => ({
    key: `node.kubernetes.io/${key}`,
    operator: 'Exists',
    effect,
  });
  return [
    tolerate('not-ready', 'NoExecute'),
    tolerate('unreachable', 'NoExecute'),
    tolerate('disk-pressure', 'NoSchedule'),
    tolerate('memory-pressure', 'NoSchedule'),
    tolerate('pid-pressure', 'NoSchedule'),
    tolerate('unschedulable', 'NoSchedule'),
    ...(hostNetwork ? [tolerate('network-unavailable', 'NoSchedule')] : []),
  ];
}

function shouldRun(set: DaemonSet, node: Node): boolean {
  const { spec } = set.spec.template;
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: set.metadata, spec };
  const tolerations = [...(spec.tolerations ?? []), ...daemonTolerations(spec.hostNetwork ?? false)];
  return !node.metadata.deletionTimestamp && matchesNode(pod, node) && !untolerated(tolerations, node);
}

/** Where a pod is, or where its node affinity sends it. */
function targetNode(pod: Pod): string | undefined {
  if (pod.spec.nodeName) return pod.spec.nodeName;
  const terms =
    pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  return terms.flatMap(({ matchFields }) => matchFields ?? []).find(({ key }) => key === HOST_FIELD)
    ?.values?.[0];
}

async function writeStatus(
  context: Context,
  { set, revisions }: Plan,
  state: { byNode: Map<string, Pod[]>; wanted: string[] },
): Promise<Requeue | undefined> {
  const { byNode, wanted } = state;
  const names = new Set(wanted);
  const nowMs = context.clock.now();
  const minReady = set.spec.minReadySeconds ?? 0;
  const live = wanted.flatMap(
    (node) => byNode.get(node)?.find((pod) => !pod.metadata.deletionTimestamp) ?? [],
  );
  const waits = live.map((pod) => availableInMs(pod, minReady, nowMs)).filter((ms) => ms !== undefined);
  const later = waits.filter((ms) => ms > 0);
  const available = waits.length - later.length;
  const updated = live.filter(
    ({ metadata }) => metadata.labels?.[REVISION_LABEL] === hashOf(revisions.current),
  ).length;
  const status: NonNullable<DaemonSet['status']> = {
    currentNumberScheduled: live.length,
    numberMisscheduled: [...byNode].filter(
      ([node, own]) => !names.has(node) && own.some((pod) => !isFinished(pod)),
    ).length,
    desiredNumberScheduled: wanted.length,
    numberReady: live.filter(isReady).length,
    observedGeneration: set.metadata.generation ?? 0,
    ...(updated > 0 && { updatedNumberScheduled: updated }),
    ...(available > 0 && { numberAvailable: available }),
    ...(wanted.length > available && { numberUnavailable: wanted.length - available }),
    ...(set.status?.collisionCount !== undefined && { collisionCount: set.status.collisionCount }),
  };
  await context.client.updateStatus<DaemonSet>('apps/daemonsets', refOf(set), (stored) => {
    if (stored.metadata.uid !== set.metadata.uid || sameValue(stored.status, status)) return false;
    stored.status = status;
    return true;
  });
  const hashes = new Set(live.map(({ metadata }) => metadata.labels?.[REVISION_LABEL]));
  const used = new Set(
    revisions.all.filter((revision) => hashes.has(hashOf(revision))).map(({ metadata }) => metadata.name),
  );
  used.add(revisions.current.metadata.name);
  await trimRevisions(context, revisions.all, { used, limit: set.spec.revisionHistoryLimit ?? 10 });
  return later.length > 0 ? { afterMs: Math.min(...later) } : undefined;
}
