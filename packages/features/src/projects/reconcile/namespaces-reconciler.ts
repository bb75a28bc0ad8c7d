import { listWhichOnes, metadataOf } from '@hexabase/cluster/ensure-object.ts';
import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import { brandId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import { enqueue } from '@hexabase/reconcile/queue.ts';
import type { Reconciler, Step, Subject } from '@hexabase/reconcile/reconciler.ts';
import { isSystemNamespace } from '../project.ts';
import { contentsLost, noteContents } from './contents-store.ts';
import { namespacesKind } from './namespace.ts';
import { applyNamespaces, loadNamespaces, usableWorkspaces, type KnownProject } from './store.ts';

/** The namespaces of one workspace against its projects. */
export interface NamespacesSubject extends Subject {
  projects: readonly KnownProject[];
  /** Uid of `kube-system` in the cluster that they are in; null until somebody has looked. */
  contentUid: string | null;
}

/**
 * A namespace made with kubectl becomes a project, one deleted with kubectl ends its project: the cluster decides what
 * exists. System namespaces never become projects.
 */
export function namespacesReconciler({ driver }: { driver: ClusterDriver }): Reconciler<NamespacesSubject> {
  const sync = { name: 'sync', steps: [compareStep(driver)], doneWords: '' };
  return {
    kind: namespacesKind,
    workflows: [sync],
    load: loadNamespaces,
    workflowFor: () => sync,
    save: async () => undefined,
    keys: usableWorkspaces,
  };
}

/** Looks at a workspace's namespaces as soon as its driver says that somebody made or deleted one. */
export function wakeOnNamespaceChanges(deps: {
  driver: ClusterDriver;
  database: Database;
  log: Logger;
}): Disposable {
  const { driver, database, log } = deps;
  const wake = (workspaceId: WorkspaceId) => {
    database
      .asWorker((tx) => enqueue(tx, namespacesKind, workspaceId))
      .catch((error: unknown) =>
        log.warn({ error, workspaceId }, 'a change of namespaces will be seen at the next resync'),
      );
  };
  return driver.watchNamespaces?.(wake) ?? { [Symbol.dispose]: () => undefined };
}

function compareStep(driver: ClusterDriver): Step<NamespacesSubject> {
  return {
    name: 'compare',
    words: 'Comparing namespaces with projects',
    timeoutMs: 30_000,
    looks: true,
    run: async ({ subject, signal }) => {
      const client = driver.tenantClient(brandId(subject.id));
      const found = (await listWhichOnes({ client, path: '/api/v1/namespaces', signal })).map(metadataOf);
      const seen = found.find(({ name }) => name === 'kube-system')?.uid ?? '';
      const { contentUid } = subject;
      if (contentUid !== null && seen !== '' && seen !== contentUid)
        return { kind: 'done', write: (tx) => contentsLost(tx, subject.id, { known: contentUid, seen }) };
      const there = new Set(found.filter((one) => !one.deleting).map((one) => one.name));
      const known = new Set(subject.projects.map((project) => project.name));
      const appeared = [...there].filter((name) => !known.has(name) && !isSystemNamespace(name));
      const vanished = subject.projects
        .filter((project) => project.hadNamespace && !project.deletionRequested && !there.has(project.name))
        .map((project) => project.id);
      const isNew = contentUid === null && seen !== '';
      if (appeared.length === 0 && vanished.length === 0 && !isNew) return { kind: 'done' };
      return {
        kind: 'done',
        async write(tx) {
          if (isNew) await noteContents(tx, subject.id, seen);
          await applyNamespaces(tx, subject, { appeared, vanished });
        },
      };
    },
  };
}
