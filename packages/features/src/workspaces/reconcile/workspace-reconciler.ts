import type { Reconciler, Step, Workflow } from '@hexabase/reconcile/reconciler.ts';
import { isAsleep } from '../phase.ts';
import { noteUse } from '../store.ts';
import { forgetCopy } from './clone/copy-store.ts';
import { readSourceStep, writeObjectsStep, type CloneDeps } from './clone/clone-steps.ts';
import { tellEndsStep } from './ending/tell-ends-step.ts';
import { accessStep, closeAccessStep, identityStep } from './access.ts';
import { applyPlanStep, planFitStep, withSettledPlan } from './plan-fit.ts';
import { beginSleepStep, stopTenantStep, waitAsleepStep } from './sleep.ts';
import {
  announce,
  buryWorkspace,
  endProjects,
  isNewRelease,
  isNewVersion,
  livingWorkspaces,
  loadSubject,
  saveStatus,
  settle,
  wakeProjects,
  type WorkspaceSubject,
} from './store.ts';
import { clockOf, ensureTenantStep, proveRemovedStep, removeTenantStep, waitReadyStep } from './tenant.ts';
import { healthGateStep, upgradeTenantStep, waitUpgradedStep } from './upgrade.ts';

/** Brings workspaces from what people asked for to tenant clusters, to sleep and back, and to nothing. */
export function workspaceReconciler(deps: CloneDeps): Reconciler<WorkspaceSubject> {
  const flows = workflowsOf(deps);
  return {
    kind: 'workspace',
    workflows: Object.values(flows),
    load: loadSubject,
    workflowFor: (subject, asked) => flows[nextWork(subject, asked)],
    save: saveStatus,
    keys: livingWorkspaces,
  };
}

type Work = 'create' | 'clone' | 'update' | 'sleep' | 'wake' | 'upgrade' | 'remove';

/** What is to be done. An operation that has begun goes on as what it is, whatever its steps have changed meanwhile. */
function nextWork(subject: WorkspaceSubject, asked: boolean): Work {
  if (subject.deletionRequested && !subject.deletionPending) return 'remove';
  if (subject.observedGeneration === 0) return subject.cloneOf === null ? 'create' : 'clone';
  if (subject.asleep) return 'sleep';
  if (isNewVersion(subject) || isNewRelease(subject)) return 'upgrade';
  return isWaking(subject, asked) || isAsleep(subject.conditions) ? 'wake' : 'update';
}

function isWaking({ operationKind }: WorkspaceSubject, asked: boolean): boolean {
  return asked && ['workspace.wake', 'workspace.restore'].includes(operationKind ?? '');
}

function workflowsOf(deps: CloneDeps): Record<Work, Workflow<WorkspaceSubject>> {
  const start = [ensureTenantStep(deps), waitReadyStep(deps)];
  const access = [identityStep(deps), accessStep(deps)];
  // A plan that was asked for meanwhile.
  const plan = [planFitStep(deps), applyPlanStep(deps), { ...waitReadyStep(deps), name: 'wait-plan' }];
  return {
    create: {
      name: 'create',
      steps: [acceptStep, ...start, ...access, publishStep(deps, 'workspace.ready')],
      doneWords: 'The workspace is ready',
    },
    clone: {
      name: 'clone',
      steps: cloningSteps(deps, { start, access }),
      doneWords: 'The copy is ready; contents of volumes were not copied',
    },
    update: {
      name: 'update',
      steps: [acceptStep, planFitStep(deps), ...start, ...access, publishStep(deps, 'workspace.updated')],
      doneWords: 'The workspace is up to date',
    },
    sleep: {
      name: 'sleep',
      steps: [
        beginSleepStep,
        tellEndsStep(deps),
        withSettledPlan(stopTenantStep(deps)),
        waitAsleepStep(deps),
        sleptStep,
      ],
      ready: { status: 'False', reason: 'Asleep' },
      doneWords: 'The workspace sleeps',
    },
    wake: {
      name: 'wake',
      steps: wakingSteps(deps, { plan, access }),
      doneWords: 'The workspace is awake',
    },
    upgrade: {
      name: 'upgrade',
      steps: upgradingSteps(deps, { plan, access }),
      doneWords: 'The workspace runs the new version',
    },
    remove: {
      name: 'delete',
      steps: [
        closeAccessStep(deps.driver),
        endProjectsStep,
        removeTenantStep(deps),
        proveRemovedStep(deps),
        buryStep,
      ],
      removes: true,
      doneWords: 'The workspace is gone',
    },
  };
}

type Steps = readonly Step<WorkspaceSubject>[];

/**
 * What starts it has names of its own: when a plan is asked for while it wakes, an update goes on with the same operation,
 * which has to bring that plan and may not take it for brought.
 */
function wakingSteps(deps: CloneDeps, { plan, access }: { plan: Steps; access: Steps }): Steps {
  return [
    acceptStep,
    { ...withSettledPlan(ensureTenantStep(deps)), name: 'wake-cluster' },
    { ...withSettledPlan(waitReadyStep(deps)), name: 'wait-awake' },
    ...plan,
    ...access,
    publishStep(deps, 'workspace.woken'),
  ];
}

function upgradingSteps(deps: CloneDeps, { plan, access }: { plan: Steps; access: Steps }): Steps {
  return [
    acceptStep,
    withSettledPlan(upgradeTenantStep(deps)),
    waitUpgradedStep(deps),
    healthGateStep(deps),
    waitReadyStep(deps),
    ...plan,
    ...access,
    publishStep(deps, 'workspace.upgraded'),
  ];
}

/** The source is read first: the copy is of the moment in which it was asked for, not of when the cluster was up. */
function cloningSteps(deps: CloneDeps, { start, access }: { start: Steps; access: Steps }): Steps {
  const publish = publishStep(deps, 'workspace.ready');
  return [acceptStep, readSourceStep(deps), ...start, writeObjectsStep(deps), ...access, publish];
}

/** The request reserved the plan's place under the organization's lock; here it becomes visible to people. */
const acceptStep: Step<WorkspaceSubject> = {
  name: 'quota',
  words: 'Checking the plan',
  timeoutMs: 1_000,
  decide: ({ size }) => ({
    kind: 'done',
    conditions: [
      {
        type: 'Accepted',
        status: 'True',
        reason: 'WithinPlan',
        message: `${size.cpuMilli / 1000} CPU, ${size.memoryMib} MiB`,
      },
    ],
  }),
};

const endProjectsStep: Step<WorkspaceSubject> = {
  name: 'end-projects',
  words: 'Ending the projects',
  timeoutMs: 10_000,
  commit: async (tx, { subject }) => endProjects(tx, subject),
};

/** Drops the finalizer. The statement before it has emptied the inventory, or this fails. */
const buryStep: Step<WorkspaceSubject> = {
  name: 'tombstone',
  words: 'Closing the books',
  timeoutMs: 10_000,
  commit: async (tx, { subject }) => buryWorkspace(tx, subject),
};

function publishStep(deps: CloneDeps, action: string): Step<WorkspaceSubject> {
  return {
    name: 'publish',
    words: 'Publishing the address',
    timeoutMs: 10_000,
    commit: async (tx, { subject, asked }) => {
      await settle(tx, subject);
      // What was copied has namespaces, which are projects; and what slept may have been woken to be upgraded.
      const hasWoken = action === 'workspace.woken' || action === 'workspace.upgraded';
      if (hasWoken || subject.copy !== null) await wakeProjects(tx, subject.id);
      // Whoever asked may still wait for it: its idle minutes begin now, however long it took to wake.
      if (isWaking(subject, asked)) await noteUse(tx, [subject.id], clockOf(deps).now());
      await forgetCopy(tx, subject.id);
      if (asked) await announce(tx, subject, { action, target: `workspace/${subject.id}` });
    },
  };
}

const sleptStep: Step<WorkspaceSubject> = {
  name: 'publish',
  words: 'Telling that it sleeps',
  timeoutMs: 10_000,
  commit: async (tx, { subject, asked }) => {
    if (asked) await announce(tx, subject, { action: 'workspace.slept', target: `workspace/${subject.id}` });
  },
};
