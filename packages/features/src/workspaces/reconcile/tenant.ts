import { PartialListError } from '@hexabase/cluster/drivers/by-placement.ts';
import {
  carrierOf,
  FencedError,
  TenantConflictError,
  type ClusterDriver,
  type ListedTenant,
} from '@hexabase/cluster/port.ts';
import { systemClock, type Clock } from '@hexabase/kernel/clock.ts';
import { findCondition, type ConditionInput } from '@hexabase/kernel/conditions.ts';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import type {
  ExternalThing,
  Step,
  StepContext,
  StepResult,
  Subject,
} from '@hexabase/reconcile/reconciler.ts';
import { LeaseLostError } from '@hexabase/reconcile/step-log.ts';
import { isAsleep } from '../phase.ts';
import { damped, hostConditions } from './probe.ts';
import { contentsOf } from './loss/contents.ts';
import { noHostYet } from './loss/no-host-yet.ts';
import { noteTenant } from './loss/loss-store.ts';
import { noteVersion, type WorkspaceSubject } from './store.ts';

export interface TenantDeps {
  driver: ClusterDriver;
  /** Issuer of tokens, `https://…/oidc`. */
  issuer: string;
  /** The machine's when absent. */
  clock?: Clock;
}

export function clockOf({ clock }: TenantDeps): Clock {
  return clock ?? systemClock;
}

/** A tenant cluster that just starts is looked at this often. */
const readyPollMs = { first: 250, last: 15_000 };
const removalPollMs = 500;

/** As the inventory records it: under the driver that really carries it. */
export async function tenantThing(driver: ClusterDriver, workspaceId: WorkspaceId): Promise<ExternalThing> {
  const cluster = await carrierOf(driver, workspaceId);
  return { cluster, kind: 'kubernetes-cluster', key: workspaceId };
}

/** Audience of the tokens of one workspace (product's token contract). */
export function audienceOf(workspaceId: string): string {
  return `ws:${workspaceId}`;
}

export function ensureTenantStep(deps: TenantDeps): Step<WorkspaceSubject> {
  return {
    name: 'tenant-cluster',
    words: 'Starting the Kubernetes API',
    timeoutMs: 120_000,
    makes: async ({ id }) => [await tenantThing(deps.driver, id)],
    run: async ({ subject, fence, signal }) => {
      return ensureTenant(deps, { subject, fence, signal, asleep: false });
    },
  };
}

/** The part of a workspace, or of one made in advance, that its tenant is made from. */
export type WantedTenant = Subject &
  Pick<WorkspaceSubject, 'id' | 'slug' | 'size' | 'isolation' | 'kubernetesVersion'> &
  Partial<Pick<WorkspaceSubject, 'release' | 'knownReleases' | 'tenantUid'>>;

/**
 * Makes the tenant what is wanted of it, as the port says it. What stands in the way and is not ours ends the work.
 * Throws `LeaseLostError` when a newer worker owns it.
 */
export async function ensureTenant(
  { driver, issuer }: TenantDeps,
  { subject, fence, signal, asleep }: StepContext<WantedTenant> & { asleep: boolean },
): Promise<StepResult> {
  const {
    id,
    slug,
    generation,
    size,
    isolation,
    kubernetesVersion,
    release = null,
    tenantUid = null,
  } = subject;
  const identity = { issuer, audience: audienceOf(id) };
  const spec = {
    workspaceId: id,
    slug,
    fence,
    generation,
    identity,
    size,
    isolation,
    asleep,
    kubernetesVersion,
    release,
    uid: tenantUid,
    releaseIfNew: release === null ? await releaseIfNew(driver, subject) : null,
  };
  try {
    await unlessFenced(id, driver.ensureTenant(spec, { signal }));
    return { kind: 'done' };
  } catch (error) {
    if (!(error instanceof TenantConflictError)) throw error;
    const { reason, message } = error;
    const condition = { type: 'Synced', status: 'False', reason, message } as const;
    return { kind: 'failed', terminal: true, condition };
  }
}

/** What a roll-out had to take back is given to nobody new either. Null for the newest. */
async function releaseIfNew(
  driver: ClusterDriver,
  { id, knownReleases }: WantedTenant,
): Promise<string | null> {
  if (!knownReleases || knownReleases.working === null) return null;
  const newest = (await driver.newestRelease?.(id)) ?? null;
  return newest !== null && knownReleases.refused.includes(newest) ? knownReleases.working : null;
}

export function waitReadyStep(deps: TenantDeps): Step<WorkspaceSubject> {
  return {
    name: 'wait-ready',
    words: 'Waiting for the Kubernetes API',
    timeoutMs: 30_000,
    looks: true,
    run: async ({ subject, signal }) => {
      const state = await deps.driver.observeTenant(subject.id, { signal });
      const nowMs = clockOf(deps).now();
      const fromHost = hostConditions(subject, state, nowMs);
      if (state.kind === 'absent' || !state.ready || state.generation < subject.generation)
        return stillStarting(subject, { fromHost, isAbsent: state.kind === 'absent', nowMs });
      const { kubernetesVersion: running, release = null, uid } = state;
      const isAwake = isAsleep(subject.conditions) ? [awake] : [];
      return {
        kind: 'done',
        conditions: [
          ...fromHost,
          ...isAwake,
          ...contentsOf(subject),
          controlPlane('True', 'Running', 'The Kubernetes API answers'),
        ],
        write: async (tx) => {
          if (running !== null) await noteVersion(tx, subject.id, { running, release });
          if (subject.tenantUid === null) await noteTenant(tx, subject.id, uid);
        },
      };
    },
  };
}

const awake: ConditionInput = { type: 'Asleep', status: 'False', reason: 'Awake', message: '' };

/** What worked before is doubted first; only what stays away is said to be not ready. */
function stillStarting(
  subject: WorkspaceSubject,
  seen: { fromHost: ConditionInput[]; isAbsent: boolean; nowMs: number },
): StepResult {
  const { fromHost, isAbsent, nowMs } = seen;
  const worst = fromHost.find((one) => one.status === 'False');
  const message = worst?.message ?? 'The Kubernetes API is starting';
  const plain = controlPlane('False', worst?.reason ?? (isAbsent ? 'NotThereYet' : 'Starting'), message);
  const isNew = subject.observedGeneration === 0;
  const condition = isNew ? plain : damped(subject.conditions, plain, nowMs);
  const isDown = !isNew && condition.status === 'False';
  return {
    kind: 'wait',
    requeueAfterMs: pollAfter(subject, nowMs),
    condition,
    conditions: [...fromHost, ...(isDown ? [{ ...condition, type: 'Ready' }] : [])],
  };
}

/** Often at first, since somebody waits; ever more seldom for what does not come. */
function pollAfter(subject: WorkspaceSubject, nowMs: number): number {
  const since = findCondition(subject.conditions, 'ControlPlaneReady')?.lastTransitionTime;
  const sinceMs = subject.operationStartedMs ?? (since === undefined ? nowMs : Date.parse(since));
  return Math.min(readyPollMs.last, Math.max(readyPollMs.first, (nowMs - sinceMs) / 60));
}

type TenantOwner = Subject & { id: WorkspaceId } & Partial<Pick<WorkspaceSubject, 'nothingMade'>>;

export function removeTenantStep({ driver }: TenantDeps): Step<TenantOwner> {
  return {
    name: 'remove-cluster',
    words: 'Removing the Kubernetes API and everything in it',
    timeoutMs: 120_000,
    run: async ({ subject, fence, signal }) => {
      if (subject.nothingMade) return noHostYet;
      const report = await unlessFenced(subject.id, driver.removeTenant(subject.id, fence, { signal }));
      const { left } = report;
      if (left.length === 0) return { kind: 'done', report };
      const names = left.map(({ kind, key, why }) => `${kind} ${key}${why ? ` (${why})` : ''}`).join(', ');
      return {
        kind: 'wait',
        requeueAfterMs: removalPollMs,
        condition: controlPlane('Unknown', 'Removing', `Still there: ${names}`),
        report,
      };
    },
  };
}

/** What a removal looks through, whichever the driver. */
const checked = [
  'the cluster of the workspace',
  'clusters that carry our label',
  'the inventory of external things',
  'projects and groups of the workspace',
];

/** Believes only what it sees: the inventory is emptied when the cluster is not there any more. */
export function proveRemovedStep({ driver }: TenantDeps): Step<TenantOwner> {
  return {
    name: 'prove-removed',
    words: 'Checking that nothing is left',
    timeoutMs: 30_000,
    looks: true,
    run: async ({ subject, signal }) => {
      if (subject.nothingMade) return { ...noHostYet, released: 'all' };
      const state = await driver.observeTenant(subject.id, { signal });
      const labelled = state.kind === 'absent' ? await labelledTenants(driver, subject.id, signal) : [];
      if (labelled === null) return hostIsSilent;
      if (state.kind === 'absent' && labelled.every(({ workspaceId }) => workspaceId !== subject.id))
        return { kind: 'done', released: 'all', report: { checked } };
      return {
        kind: 'wait',
        requeueAfterMs: removalPollMs,
        condition: controlPlane('Unknown', 'Removing', 'The cluster is still there'),
      };
    },
  };
}

const hostIsSilent: StepResult = {
  kind: 'wait',
  requeueAfterMs: readyPollMs.last,
  condition: controlPlane(
    'Unknown',
    'Removing',
    'The host cluster of this workspace cannot be asked right now whether anything is left',
  ),
};

/** Null when its own host cluster did not answer. Another one that is down holds up nobody's deletion but its own. */
async function labelledTenants(
  driver: ClusterDriver,
  id: WorkspaceId,
  signal: AbortSignal,
): Promise<ListedTenant[] | null> {
  try {
    return await driver.listTenants({ signal });
  } catch (error) {
    if (!(error instanceof PartialListError)) throw error;
    return (await error.sees(id)) ? error.tenants : null;
  }
}

export async function unlessFenced<T>(workspaceId: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof FencedError) throw new LeaseLostError(`workspace/${workspaceId}`);
    throw error;
  }
}

export function controlPlane(
  status: ConditionInput['status'],
  reason: string,
  message: string,
): ConditionInput {
  return { type: 'ControlPlaneReady', status, reason, message };
}
