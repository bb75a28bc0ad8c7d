/** A condition as far as advice goes. */
export interface AdvisedCondition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
}

/** What advice is about; as `Workspace` has the fields. */
export interface AdvisedWorkspace {
  id: string;
  slug: string;
  isolation: 'shared' | 'dedicated';
}

/**
 * What to do when a condition is not True, by its reason. `docs/operations/conditions.md` tells operators more on each;
 * a test compares the two.
 */
export const adviceByReason: Readonly<Record<string, string>> = {
  Asked: 'Wake it with `hks workspace wake NAME`, or just use kubectl: the first request wakes it.',
  Schedule:
    'It wakes at the time of its schedule, with `hks workspace wake NAME`, or with the first request of kubectl.',
  Idle: 'Just use kubectl: the first request wakes it. `hks workspace update NAME --idle-minutes 0` keeps it awake.',
  Deletion: 'Take the deletion back with `hks workspace restore NAME` before its time has come.',
  FallingAsleep: 'Wait a moment; requests are held and wake it again.',
  EndedBySleep:
    'Make again what you still need: a sleep does not keep pods without a controller, and a Job fails when it has no tries left. This is told until the next sleep.',
  NotSeen:
    'Look yourself whether pods without a controller or Jobs are missing. This is told until the next sleep.',
  Progressing:
    'Wait: it is doubted for two minutes before it counts as failed, and most of it comes back by itself.',
  Retrying: 'Wait: what is wrong is told when it fails again. `hks operation get ID` tells how far it is.',
  Starting: 'Wait. A first start pulls images and may take some minutes.',
  NotThereYet: 'Wait. If it stays so for minutes, an operator looks whether a worker runs.',
  ImagePull:
    'An operator checks the name of the image, the registry and its credentials (`HKS_IMAGE_REGISTRY`, `HKS_IMAGE_PULL_SECRETS`).',
  Unschedulable:
    'An operator adds nodes, frees room or takes taints off; `hexabase-cli host check HOST` tells how many nodes take pods and how large they are, `kubectl describe nodes` what is free there.',
  Evicted:
    'The node was short of something; an operator looks at its disk and memory. It is started again by itself.',
  NodeGone: 'An operator brings the node back or removes it from the host cluster; then it starts elsewhere.',
  OutOfMemory: 'Choose a larger plan: `hks workspace update NAME --plan PLAN`.',
  CrashLoopBackOff:
    'An operator reads the log of the control plane on the host; after an upgrade it goes back by itself.',
  Refused:
    'An operator reads what the host cluster says: a policy or a missing right keeps us from making it.',
  CannotCreate: 'An operator reads what the host says of the container: often a missing secret or volume.',
  VolumePending:
    'An operator makes sure that the host cluster has a storage class that makes volumes (`HKS_STORAGE_CLASS`).',
  QuotaExhausted: 'Scale down or delete something in the workspace, or choose a larger plan.',
  InTrouble:
    '`kubectl get pods,pvc -A` shows which, `kubectl -n NS describe pod POD` (or `pvc CLAIM`) why, under Events. An image: mind its name and pull secret. Ends again and again: `kubectl -n NS logs POD --previous`. Memory: a higher limit. Not taken by the host: SyncError under Events says why. The quota: scale down or delete something, or `hks workspace update NAME --plan PLAN`. No node or no volume: smaller requests, another storage class, or ask an operator. It is looked at every ten minutes; `hks workspace retry NAME` looks at once.',
  Forbidden: 'An operator gives the control plane the rights that `hexabase-cli host check HOST` lists.',
  UsageAbovePlan: 'Scale down or delete something, then ask for the smaller plan again.',
  RolledBack:
    'It works with the old version. Read the reason and remove it, then upgrade again; `hks workspace retry NAME` when an operator had brought it.',
  DnsNotWell:
    'It works with the old release. Look at `coredns` in `kube-system` and at webhooks and quotas that stand in its way; when it runs, `hks workspace retry NAME` tries again.',
  ReleaseGone:
    'Wait some minutes: it runs, and gets the newest release by itself. Where ChartTooFar is told too, waiting does not help: it gets the next release that an operator brings with the minor version of the chart between (`HKS_VCLUSTER_CHART`).',
  TenantLost:
    'What the message names is gone from the host, and what was in the workspace with it. An operator restores it from a backup of the host cluster when there is one, or leads the host cluster back to where it is. `hks workspace retry NAME` then takes what is there as it is; where nothing is, it makes the workspace anew, and EMPTY.',
  DataLost:
    'Bring back what you need from your manifests and backups. An operator looks what became of its volume on the host. `hks workspace retry NAME` says that you have seen this.',
  NameTaken:
    'Something on the host has the name that this workspace needs and is not ours. An operator removes or renames it.',
  VersionNotOffered:
    'Choose one of the versions that the message names: `hks workspace upgrade NAME`. An operator decides which are offered (`HKS_TENANT_KUBERNETES_VERSION`).',
  VersionTooFar: 'Upgrade one minor version at a time: `hks workspace upgrade NAME`.',
  ChartTooFar:
    'It works with the old chart. An operator brings the minor version between first (`HKS_VCLUSTER_CHART`); the roll-out of others goes on.',
  ChartUnusable:
    'An operator puts the chart right that the message names (`HKS_VCLUSTER_CHART`, `HKS_VCLUSTER_CHART_DIGEST`); `hks workspace retry NAME` then tries again.',
  HelmUnusable:
    'An operator makes sure that the helm program can be run (`HKS_HELM`); `hks workspace retry NAME` then tries again.',
  ProgramEnded:
    'It is started again by itself. If it stays so, an operator reads the log that the message names.',
  NoKwok:
    'An operator puts `kwok` beside the other programs (`HKS_KUBE_BIN`); without it there are no nodes.',
  Conflict: 'Somebody has to change what the message names; `hks workspace retry NAME` then tries again.',
  HostAway: 'Wait: it goes on when the host cluster answers again. An operator looks what the message says.',
  RefusedInside:
    'Something in the workspace refuses what we write there: who administers it takes the webhook, policy or quota away that the message names, or lets objects called `hexabase:…` pass (`kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations,validatingadmissionpolicies`). It is tried again by itself; `hks workspace retry NAME` does so at once.',
  StepFailed:
    'It is tried again by itself. If it stays so, `hks operation get ID` tells the step, and an operator reads the log.',
  Copying: 'Wait: it tells how far the copy is.',
  SourceNotReady: 'Wait until the workspace that is cloned answers, or look what it lacks with `hks why`.',
  SourceAsleep: 'Wake the workspace that is cloned, then `hks workspace retry NAME`.',
  SourceGone: 'Delete this one: `hks workspace delete NAME`. There is nothing left to copy.',
  SourceAbovePlan:
    'Delete this one, then clone again with a larger plan (`--plan`), or scale the source down first.',
  CopyLost: 'Delete this one: `hks workspace delete NAME`, then clone again.',
  NotTaken:
    'Delete this one, change the object that the message names in the source or choose a larger plan, then clone again.',
  TooLarge: 'Delete this one and move what you need with your own manifests.',
  TookTooLong: 'It goes on being tried. `hks operation get ID` tells the step that it waits for.',
  Held: 'Take the finalizer off that the message names, or delete the APIService that nobody answers for; then it goes on by itself.',
  NotLookedAt:
    'Wait; it may well run. If it stays so, an operator looks whether the host cluster answers and a worker runs: `hks host-cluster list`.',
  Deleting: 'Wait: it is being deleted, and nobody gets in any more.',
  Removing:
    'Wait. What is named as left holds the removal up: often a finalizer, or a volume that its class keeps.',
};

/** By the pool that the workspace's pods select, as docs/operations/isolation.md has it. Taint first: nobody else's pods may come between. */
const noDedicatedNode =
  'This workspace is dedicated: it runs on nodes of its own alone, which an administrator of the host cluster gives it: `kubectl taint node NODE hexabase.ai/pool=ID:NoSchedule`, then `kubectl label node NODE hexabase.ai/pool=ID` (docs/operations/isolation.md, "Dedicated nodes"); it goes on by itself then. `kubectl get nodes -l hexabase.ai/pool=ID` shows those that it has: where there are some, they have no room, and it gets one more.';

/** What to do next with a workspace, in words; null when nothing needs to be done or we know no advice. */
export function adviceFor(condition: AdvisedCondition, workspace: AdvisedWorkspace): string | null {
  const { type, status, reason } = condition;
  if (status === (isBadWhenTrue(type) ? 'False' : 'True')) return null;
  // Reasons may come from a tenant's own cluster, where anybody writes them.
  const family = familyOf(reason);
  if (!Object.hasOwn(adviceByReason, family)) return null;
  if (family === 'Unschedulable' && workspace.isolation === 'dedicated')
    return noDedicatedNode.replaceAll('=ID', `=${workspace.id}`);
  return adviceByReason[family]?.replaceAll('NAME', workspace.slug) ?? null;
}

/** Of most conditions `True` is how it should be; these tell that something is not. */
export function isBadWhenTrue(type: string): boolean {
  return type === 'Asleep' || type === 'Stalled' || type === 'WorkEnded';
}

/** Kubernetes has many words for images that cannot be had and containers that cannot be made. */
function familyOf(reason: string): string {
  if (/ImagePull|ErrImage|InvalidImageName|ImageInspect/.test(reason)) return 'ImagePull';
  return /^Create|^RunContainer/.test(reason) ? 'CannotCreate' : reason;
}
