import { KubeRefusal } from '@hexabase/cluster/kube-api/call-errors.ts';
import type { TenantState } from '@hexabase/cluster/port.ts';
import { doubtMs, findCondition, type ConditionInput } from '@hexabase/kernel/conditions.ts';
import { isAppError, type AppError } from '@hexabase/kernel/errors.ts';
import { retryAfterMsOf } from '@hexabase/kernel/retry-after.ts';
import { clause } from '@hexabase/kernel/text/sentences.ts';
import type { Step, StepResult } from '@hexabase/reconcile/reconciler.ts';
import { LeaseLostError } from '@hexabase/reconcile/step-log.ts';
import { minorOf } from '../life-cycle/kubernetes-version.ts';
import { hostConditions } from './probe.ts';
import { dnsNotWell, goBack } from './roll-out/going-back-store.ts';
import { isNewVersion, type WorkspaceSubject } from './store.ts';
import { clockOf, controlPlane, ensureTenant, tenantThing, type TenantDeps } from './tenant.ts';

/** A new version that is not healthy after this long is given up. */
export const upgradeMsMax = 10 * 60_000;
const pollMs = 1_000;

/**
 * Writes the new version. What the driver or the host refuses for good is taken back at once, what the host does not permit
 * when it still does not after a while, what it does not take otherwise after the time of a new version. A host that does
 * not answer at all says nothing of the version.
 */
export function upgradeTenantStep(deps: TenantDeps): Step<WorkspaceSubject> {
  return {
    name: 'tenant-cluster',
    words: 'Bringing the new version',
    timeoutMs: 120_000,
    makes: async ({ id }) => [await tenantThing(deps.driver, id)],
    run: async ({ subject, fence, signal }) => {
      const result = await ensureTenant(deps, { subject, fence, signal, asleep: false }).then(
        (one) => (one.kind === 'failed' ? refused(subject, one.condition) : one),
        (error: unknown) => {
          if (signal.aborted) throw error;
          return notTaken(deps, subject, error);
        },
      );
      if (result.kind === 'failed') return result;
      const message = `Going to ${goalOf(subject).to}`;
      return { ...result, conditions: [upgraded('Unknown', 'Progressing', message)] };
    },
  };
}

/** Waits for the new version; after its time the old one is put back. */
export function waitUpgradedStep(deps: TenantDeps): Step<WorkspaceSubject> {
  return {
    name: 'wait-upgraded',
    words: 'Waiting for the new version',
    timeoutMs: 30_000,
    looks: true,
    run: async ({ subject, signal }) => {
      const state = await deps.driver.observeTenant(subject.id, { signal });
      if (isUpgraded(state, subject)) return { kind: 'done' };
      const why = worstOf(state)?.message ?? 'its API does not answer';
      return notYet(deps, { subject, state, why });
    },
  };
}

function worstOf(state: TenantState): ConditionInput | undefined {
  return state.kind === 'present' ? state.conditions.find((one) => one.status === 'False') : undefined;
}

/**
 * The new version must do its work, not only run: it says that it is ready, which version it is, lists namespaces, and has
 * what else is its own, as its DNS.
 */
export function healthGateStep(deps: TenantDeps): Step<WorkspaceSubject> {
  return {
    name: 'health-gate',
    words: 'Checking the new version',
    timeoutMs: 60_000,
    looks: true,
    run: async ({ subject, signal }) => {
      const client = deps.driver.tenantClient(subject.id);
      for (const path of ['/readyz', '/version', '/api/v1/namespaces']) {
        const answer = await client
          .request({ method: 'GET', path, signal })
          .catch((error: unknown) => ({ status: 0, body: error }));
        if (answer.status === 200) continue;
        const why = answer.status === 0 ? `${path} does not answer` : `${path} answers ${answer.status}`;
        return notYet(deps, { subject, state: { kind: 'absent' }, why });
      }
      const lacks = (await deps.driver.unsettled?.(subject.id, { signal })) ?? null;
      if (lacks !== null) {
        const state = await deps.driver.observeTenant(subject.id, { signal });
        const why = worstOf(state)?.message ?? lacks.why;
        const late = notYet(deps, { subject, state, why });
        return late.kind === 'failed' && !lacks.isOurs ? withoutDns(subject, late) : late;
      }
      const message = `It runs ${goalOf(subject).to}`;
      return {
        kind: 'done',
        conditions: [
          upgraded('True', 'Healthy', message),
          controlPlane('True', 'Running', 'The Kubernetes API answers'),
        ],
      };
    },
  };
}

/** Answers of an API server after which the same request is answered the same: not valid, too large. */
const lastingRefusals: readonly number[] = [400, 413, 422];
/** Our credentials, or that there is too much to do: no matter of what was asked for. */
const passingRefusals: readonly number[] = [401, 429];

/** Throws the error again when it is not the version's fault, or may still pass. */
function notTaken(deps: TenantDeps, subject: WorkspaceSubject, error: unknown): StepResult {
  const refusal = refusalIn(error);
  const isPassing = refusal ? passingRefusals.includes(refusal.status) : isAppError(error);
  if (isPassing && isAppError(error, 'cluster_unavailable')) return hostIsAway(error);
  if (isPassing || error instanceof LeaseLostError) throw error;
  const sinceMs = saidSinceMs(subject, 'Synced', 'False');
  const forMs = sinceMs === null ? 0 : clockOf(deps).now() - sinceMs;
  if (forMs < patienceMs(refusal)) throw error;
  return rolledBack(subject, 'was refused', refusal?.message ?? 'it failed again and again');
}

/**
 * How long it is tried again. An API server that has just started permits nothing until it has read who may do what, and
 * a webhook or a quota in the way may be somebody's passing mistake.
 */
function patienceMs(refusal: KubeRefusal | null): number {
  if (refusal && lastingRefusals.includes(refusal.status)) return 0;
  return refusal?.status === 403 ? doubtMs : upgradeMsMax;
}

/** Not known to be out of order; so the time in which it is `False` is that in which the host answered. */
function hostIsAway(error: AppError): StepResult {
  const { message } = error;
  return {
    kind: 'failed',
    terminal: false,
    blind: true,
    condition: { type: 'Synced', status: 'Unknown', reason: 'HostAway', message },
    retryAfterMs: retryAfterMsOf(error),
  };
}

/** The answer of the host behind an error; null when there was none. */
function refusalIn(error: unknown): KubeRefusal | null {
  for (let one = error; one instanceof Error; one = one.cause) if (one instanceof KubeRefusal) return one;
  return null;
}

/**
 * Since when a condition says so in this operation; null when it does not, or nobody asked for anything. What an earlier
 * operation left there does not count.
 */
function saidSinceMs(
  { conditions, operationStartedMs }: WorkspaceSubject,
  type: string,
  status: ConditionInput['status'],
): number | null {
  const said = findCondition(conditions, type);
  if (operationStartedMs === null || said?.status !== status) return null;
  return Math.max(operationStartedMs, Date.parse(said.lastTransitionTime));
}

/** Refusals that say nothing of a version: whoever is nearer to its chart, or is not lost, gets it. */
const ofThisOneOnly: readonly string[] = ['ChartTooFar', 'TenantLost'];

function refused(subject: WorkspaceSubject, { reason, message }: ConditionInput): StepResult {
  const back = rolledBack(subject, 'was refused', message);
  if (!ofThisOneOnly.includes(reason) || back.kind !== 'failed') return back;
  return {
    ...back,
    condition: { ...back.condition, reason },
    write: (tx) => goBack(tx, subject, 'too-far'),
  };
}

/** Who breaks their own DNS keeps what they have and holds up nobody; that a second one has none tells of the release. */
function withoutDns(subject: WorkspaceSubject, back: StepResult & { kind: 'failed' }): StepResult {
  return {
    ...back,
    condition: { ...back.condition, reason: dnsNotWell },
    write: (tx) => goBack(tx, subject, 'dns'),
  };
}

function rolledBack(subject: WorkspaceSubject, what: string, why: string): StepResult {
  const { to, from } = goalOf(subject);
  const message = `${to} ${what} (${clause(why)}); going back to ${from}`;
  return {
    kind: 'failed',
    terminal: true,
    condition: upgraded('False', 'RolledBack', message),
    write: (tx) => goBack(tx, subject, 'version'),
  };
}

/** What is brought, and what was there, in words. A new version of Kubernetes may bring a new release along. */
function goalOf(subject: WorkspaceSubject): { to: string; from: string } {
  const { kubernetesVersion, settledVersion, release, settledRelease } = subject;
  return isNewVersion(subject)
    ? { to: `Kubernetes ${kubernetesVersion}`, from: settledVersion ?? '' }
    : { to: `release ${release} of the control plane`, from: `release ${settledRelease}` };
}

function isUpgraded(state: TenantState, subject: WorkspaceSubject): boolean {
  return (
    state.kind === 'present' &&
    state.ready &&
    state.generation >= subject.generation &&
    minorOf(state.kubernetesVersion) === subject.kubernetesVersion &&
    (state.release ?? null) === subject.release
  );
}

function notYet(
  deps: TenantDeps,
  { subject, state, why }: { subject: WorkspaceSubject; state: TenantState; why: string },
): StepResult {
  const nowMs = clockOf(deps).now();
  const fromHost = hostConditions(subject, state, nowMs);
  // Until it was written the host may have been busy or away, which is not the version's fault.
  const sinceMs = nowMs - (saidSinceMs(subject, 'Upgraded', 'Unknown') ?? nowMs);
  // What could not be had before it was written, as of the one that it mends, says nothing of it yet.
  if (sinceMs > upgradeMsMax || (sinceMs > doubtMs && isHopeless(fromHost))) {
    const minutes = Math.max(1, Math.floor(sinceMs / 60_000));
    return rolledBack(subject, `was not healthy after ${minutes} minute${minutes === 1 ? '' : 's'}`, why);
  }
  return {
    kind: 'wait',
    requeueAfterMs: pollMs,
    condition: upgraded('Unknown', 'Progressing', `Going to ${goalOf(subject).to}: ${why}`),
    conditions: fromHost,
  };
}

/** An image that could not be had for as long as anything is doubted. Nobody can use the workspace meanwhile. */
function isHopeless(fromHost: readonly ConditionInput[]): boolean {
  return fromHost.some(({ type, status }) => type === 'ImagesPulled' && status === 'False');
}

function upgraded(status: ConditionInput['status'], reason: string, message: string): ConditionInput {
  return { type: 'Upgraded', status, reason, message };
}
