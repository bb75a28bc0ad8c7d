import type { Reconciler, Step, Workflow } from '@hexabase/reconcile/reconciler.ts';
import { accessStep, closeAccessStep, identityStep } from './access.ts';
import {
  announce,
  buryWorkspace,
  endProjects,
  livingWorkspaces,
  loadSubject,
  saveStatus,
  type WorkspaceSubject,
} from './store.ts';
import {
  ensureTenantStep,
  proveRemovedStep,
  removeTenantStep,
  waitReadyStep,
  type TenantDeps,
} from './tenant.ts';

/** Brings workspaces from what people asked for to tenant clusters, and back to nothing. */
export function workspaceReconciler(deps: TenantDeps): Reconciler<WorkspaceSubject> {
  const ensure = [
    acceptStep,
    ensureTenantStep(deps),
    waitReadyStep(deps),
    identityStep(deps),
    accessStep(deps),
  ];
  const create: Workflow<WorkspaceSubject> = {
    name: 'create',
    steps: [...ensure, publishStep('workspace.ready')],
    doneWords: 'The workspace is ready',
  };
  const update: Workflow<WorkspaceSubject> = {
    name: 'update',
    steps: [...ensure, publishStep('workspace.updated')],
    doneWords: 'The workspace is up to date',
  };
  const remove: Workflow<WorkspaceSubject> = {
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
  };
  return {
    kind: 'workspace',
    workflows: [create, update, remove],
    load: loadSubject,
    workflowFor: (subject) =>
      subject.deletionRequested ? remove : subject.observedGeneration === 0 ? create : update,
    save: saveStatus,
    keys: livingWorkspaces,
  };
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

function publishStep(action: string): Step<WorkspaceSubject> {
  return {
    name: 'publish',
    words: 'Publishing the address',
    timeoutMs: 10_000,
    commit: async (tx, { subject, asked }) => {
      if (asked) await announce(tx, subject, { action, target: `workspace/${subject.id}` });
    },
  };
}
