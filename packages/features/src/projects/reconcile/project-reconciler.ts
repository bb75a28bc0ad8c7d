import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import { enqueue } from '@hexabase/reconcile/queue.ts';
import type { Reconciler, Step, Workflow } from '@hexabase/reconcile/reconciler.ts';
import { endProjectAccess, projectAccessStep } from './project-access.ts';
import { ensureNamespaceStep, keepNamespaceStep, namespacesKind, removeNamespaceStep } from './namespace.ts';
import { policiesStep } from './policies.ts';
import {
  announceProject,
  buryProject,
  livingProjects,
  loadProject,
  saveProject,
  type ProjectSubject,
} from './store.ts';

/** Brings projects to namespaces with quota, limits and network policy, and back to nothing. */
export function projectReconciler({ driver }: { driver: ClusterDriver }): Reconciler<ProjectSubject> {
  const create: Workflow<ProjectSubject> = {
    name: 'create',
    steps: [ensureNamespaceStep(driver), policiesStep(driver), projectAccessStep(driver), publishStep],
    doneWords: 'The project is ready',
  };
  const update: Workflow<ProjectSubject> = {
    name: 'update',
    steps: [keepNamespaceStep(driver), policiesStep(driver)],
    doneWords: 'The project is up to date',
  };
  const remove: Workflow<ProjectSubject> = {
    name: 'delete',
    steps: [removeNamespaceStep(driver), buryStep],
    removes: true,
    doneWords: 'The project is gone',
  };
  return {
    kind: 'project',
    // A workspace may have many, and its webhooks decide how long each takes.
    share: 1 / 2,
    workflows: [create, update, remove],
    load: loadProject,
    workflowFor: (subject) => {
      // It waits: a workspace that wakes calls its projects.
      if (subject.workspaceAsleep) return null;
      if (subject.deletionRequested) return remove;
      return subject.observedGeneration === 0 ? create : update;
    },
    save: saveProject,
    keys: livingProjects,
  };
}

/** Also a project that was made with kubectl is told of. */
const publishStep: Step<ProjectSubject> = {
  name: 'publish',
  words: 'Publishing',
  timeoutMs: 10_000,
  commit: async (tx, { subject }) => announceProject(tx, subject, 'project.ready'),
};

/** A namespace of the same name may have been made meanwhile; it becomes a project of its own. */
const buryStep: Step<ProjectSubject> = {
  name: 'tombstone',
  words: 'Closing the books',
  timeoutMs: 10_000,
  commit: async (tx, { subject }) => {
    await endProjectAccess(tx, subject);
    await buryProject(tx, subject);
    await enqueue(tx, namespacesKind, subject.workspaceId);
  },
};
