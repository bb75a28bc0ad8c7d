import { listObjects } from '@hexabase/cluster/ensure-object.ts';
import type { TenantClient } from '@hexabase/cluster/port.ts';
import { findCondition, type ConditionInput } from '@hexabase/kernel/conditions.ts';
import { parseQuantity } from '@hexabase/kernel/quantity.ts';
import type { Step } from '@hexabase/reconcile/reconciler.ts';
import { goBack } from './roll-out/going-back-store.ts';
import type { Size, WorkspaceSubject } from './store.ts';
import { ensureTenant, type TenantDeps } from './tenant.ts';

const type = 'PlanFits';

/** Operations that are done when the workspace answers, with whichever plan: its refusal is told in them, and they go on. */
const aboutOtherThings: ReadonlySet<string> = new Set([
  'workspace.wake',
  'workspace.restore',
  'workspace.upgrade',
]);

/**
 * Refuses a smaller plan while more is used than it gives, and puts the old plan back. It has to answer: it is looked at
 * with the plan that is in place. One that was refused is compared again each time that the workspace is looked at. Ends the
 * operation that asked for the plan; one for something else goes on with the plan that stays.
 */
export function planFitStep({ driver }: TenantDeps): Step<WorkspaceSubject> {
  return {
    name: 'plan-fit',
    words: 'Checking that what runs fits into the plan',
    timeoutMs: 30_000,
    looks: true,
    run: async ({ subject, signal }) => {
      const { size, settledSize, plan } = subject;
      if (settledSize === null) return { kind: 'done' };
      const look = { client: driver.tenantClient(subject.id), signal };
      if (!isSmaller(size, settledSize))
        return { kind: 'done', conditions: await refusedBefore(subject, look) };
      const above = await usedAbove(look, size);
      if (above === null) return { kind: 'done', conditions: wasRefused(subject) ? [fits('')] : [] };
      return {
        kind: 'failed',
        terminal: !aboutOtherThings.has(subject.operationKind ?? ''),
        condition: tooSmall(subject, plan, above),
        write: (tx) => goBack(tx, subject, 'plan'),
      };
    },
  };
}

type Look = Parameters<typeof usedAbove>[0];

/**
 * What is to be said by now of a plan that was refused. A larger one that is asked for since makes it nobody's matter. A
 * workspace that does not answer says nothing new.
 */
async function refusedBefore(subject: WorkspaceSubject, look: Look): Promise<ConditionInput[]> {
  const { refusedPlan, refusedSize, plan, settledPlan } = subject;
  if (!wasRefused(subject)) return [];
  if (refusedPlan === null || refusedSize === null || plan !== settledPlan) return [fits('')];
  try {
    const above = await usedAbove(look, refusedSize);
    return above === null
      ? [fits(`What runs fits into the plan ${refusedPlan} by now: it can be asked for again`)]
      : [tooSmall(subject, refusedPlan, above)];
  } catch (error) {
    if (look.signal.aborted) throw error;
    return [];
  }
}

function wasRefused({ conditions }: WorkspaceSubject): boolean {
  return findCondition(conditions, type)?.status === 'False';
}

function fits(message: string): ConditionInput {
  return { type, status: 'True', reason: 'Resolved', message };
}

function tooSmall({ settledPlan }: WorkspaceSubject, plan: string, above: readonly string[]): ConditionInput {
  const message = `The plan ${plan} is too small for what runs: ${above.join(', ')}. Scale down or delete something first; the plan stays ${settledPlan}`;
  return { type, status: 'False', reason: 'UsageAbovePlan', message };
}

/**
 * Brings the plan that was found to fit, after work that was done with the one before. Where it was refused within this work
 * the workspace has another generation since, which its cluster is told.
 */
export function applyPlanStep(deps: TenantDeps): Step<WorkspaceSubject> {
  return {
    name: 'apply-plan',
    words: 'Bringing the plan',
    timeoutMs: 120_000,
    run: async ({ subject, fence, signal }) => {
      const { plan, settledPlan } = subject;
      if (settledPlan === null || (plan === settledPlan && !wasRefused(subject))) return { kind: 'done' };
      return ensureTenant(deps, { subject, fence, signal, asleep: false });
    },
  };
}

/**
 * The step, done with the plan that is in place. A smaller plan that was asked for meanwhile can only be looked at when
 * the workspace answers: until then it must not come in by the back door.
 */
export function withSettledPlan(step: Step<WorkspaceSubject>): Step<WorkspaceSubject> {
  const { run } = step;
  if (!run) return step;
  return { ...step, run: (context) => run({ ...context, subject: asSettled(context.subject) }) };
}

function asSettled(subject: WorkspaceSubject): WorkspaceSubject {
  const { plan, size, settledPlan, settledSize } = subject;
  return { ...subject, plan: settledPlan ?? plan, size: settledSize ?? size };
}

/** How what quotas count as requested is more than a size, in words; null when it fits. */
export async function usedAbove(
  { client, signal }: { client: TenantClient; signal: AbortSignal },
  size: Size,
): Promise<string[] | null> {
  const used = usedOf(await listObjects({ client, path: '/api/v1/resourcequotas', signal }));
  const above = excess(used, size);
  return above.length === 0 ? null : above;
}

function isSmaller(next: Size, before: Size): boolean {
  return (
    next.cpuMilli < before.cpuMilli ||
    next.memoryMib < before.memoryMib ||
    next.storageGib < before.storageGib
  );
}

/**
 * What quotas count as requested, namespaces together. Where people have set quotas beside ours they count the same pods
 * again: the one that has seen most is right.
 */
function usedOf(quotas: readonly Record<string, unknown>[]): Size {
  const total = (resource: string, unit: number) => {
    const most = new Map<unknown, number>();
    for (const quota of quotas) {
      const { namespace } = record(quota['metadata']);
      most.set(namespace, Math.max(most.get(namespace) ?? 0, usedIn(quota, resource)));
    }
    return [...most.values()].reduce((sum, used) => sum + used, 0) / unit;
  };
  return {
    cpuMilli: total('requests.cpu', 0.001),
    memoryMib: total('requests.memory', 2 ** 20),
    storageGib: total('requests.storage', 2 ** 30),
  };
}

function usedIn(quota: Record<string, unknown>, resource: string): number {
  const status = record(quota['status']);
  return parseQuantity(String(record(status['used'])[resource])) ?? 0;
}

function excess(used: Size, size: Size): string[] {
  return [
    ...(used.cpuMilli > size.cpuMilli ? [`${used.cpuMilli / 1000} of ${size.cpuMilli / 1000} CPU`] : []),
    ...(used.memoryMib > size.memoryMib
      ? [`${Math.round(used.memoryMib)} of ${size.memoryMib} MiB memory`]
      : []),
    ...(used.storageGib > size.storageGib
      ? [`${Math.round(used.storageGib)} of ${size.storageGib} GiB storage`]
      : []),
  ];
}

function record(value: unknown): Record<string, unknown> {
  return value !== null && typeof value === 'object' ? { ...value } : {};
}
