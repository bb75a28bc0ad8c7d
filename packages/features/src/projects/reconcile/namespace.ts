import {
  deleteObject,
  ensureObject,
  metadataOf,
  readObject,
  waitsFor,
  type Place,
} from '@hexabase/cluster/ensure-object.ts';
import { carrierOf, type ClusterDriver } from '@hexabase/cluster/port.ts';
import type { ConditionInput } from '@hexabase/kernel/conditions.ts';
import { enqueue } from '@hexabase/reconcile/queue.ts';
import type { ExternalThing, Step } from '@hexabase/reconcile/reconciler.ts';
import type { ProjectSubject } from './store.ts';

/** Which project a namespace is: what deletes it looks at this, never at the name alone. */
export const projectIdLabel = 'hexabase.ai/project-id';

/** Kind of the queue that compares a workspace's namespaces with its projects. */
export const namespacesKind = 'workspace-namespaces';

const goneWithinMs = 500;

async function namespaceThing(driver: ClusterDriver, subject: ProjectSubject): Promise<ExternalThing> {
  const cluster = await carrierOf(driver, subject.workspaceId);
  return { cluster, kind: 'namespace', key: `${subject.workspaceId}/${subject.name}` };
}

/** Makes the namespace, or makes one that is there already into this project. */
export function ensureNamespaceStep(driver: ClusterDriver): Step<ProjectSubject> {
  return {
    name: 'namespace',
    words: 'Making the namespace',
    timeoutMs: 30_000,
    makes: async (subject) => [await namespaceThing(driver, subject)],
    run: async ({ subject, signal }) => {
      if (!subject.workspaceUsable) return waitFor('WorkspaceNotReady', 'The workspace is not ready');
      const place = placeOf(driver, subject, signal);
      const existing = await readObject(place, subject.name);
      if (existing && metadataOf(existing).deleting)
        return waitFor('BeingDeleted', 'A namespace of that name is still being deleted');
      await writeNamespace(place, subject);
      return { kind: 'done', conditions: [namespaceReady('True', 'InPlace', '')] };
    },
  };
}

/** For a project that has had its namespace: when that is gone, somebody ended the project, and it is not made again. */
export function keepNamespaceStep(driver: ClusterDriver): Step<ProjectSubject> {
  return {
    name: 'namespace',
    words: 'Checking the namespace',
    timeoutMs: 30_000,
    run: async ({ subject, signal }) => {
      if (!subject.workspaceUsable) return waitFor('WorkspaceNotReady', 'The workspace is not ready');
      const place = placeOf(driver, subject, signal);
      const existing = await readObject(place, subject.name);
      if (!existing || metadataOf(existing).deleting) {
        return {
          ...waitFor('Deleted', 'The namespace was deleted'),
          write: (tx) => enqueue(tx, namespacesKind, subject.workspaceId),
        };
      }
      await writeNamespace(place, subject);
      return { kind: 'done', conditions: [namespaceReady('True', 'InPlace', '')] };
    },
  };
}

/** Deletes the namespace of this project, by its uid, and waits until it is gone. */
export function removeNamespaceStep(driver: ClusterDriver): Step<ProjectSubject> {
  return {
    name: 'remove-namespace',
    words: 'Removing the namespace and everything in it',
    timeoutMs: 30_000,
    run: async ({ subject, signal }) => {
      const tenant = await driver.observeTenant(subject.workspaceId, { signal });
      if (tenant.kind === 'absent') return { kind: 'done', released: 'all' };
      const place = placeOf(driver, subject, signal);
      const existing = await readObject(place, subject.name);
      // A namespace of that name that is not this project's was made after ours was gone.
      if (!existing || !isOf(existing, subject)) return { kind: 'done', released: 'all' };
      const { uid, deleting } = metadataOf(existing);
      if (!deleting) await deleteObject(place, subject.name, uid);
      const left = await readObject(place, subject.name);
      if (!left || metadataOf(left).uid !== uid) return { kind: 'done', released: 'all' };
      return {
        kind: 'wait',
        requeueAfterMs: goneWithinMs,
        condition: stillEmptied(waitsFor(left)),
      };
    },
  };
}

function stillEmptied(held: string): ConditionInput {
  if (held === '') return namespaceReady('Unknown', 'Removing', 'The namespace is being emptied');
  return namespaceReady('False', 'Held', `The namespace cannot be emptied: ${held}`);
}

function placeOf(driver: ClusterDriver, subject: ProjectSubject, signal: AbortSignal): Place {
  return { client: driver.tenantClient(subject.workspaceId), path: '/api/v1/namespaces', signal };
}

async function writeNamespace(place: Place, subject: ProjectSubject): Promise<void> {
  await ensureObject(place, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: subject.name,
      labels: {
        [projectIdLabel]: subject.id,
        'workspace-id': subject.workspaceId,
        'project-name': subject.name,
        'pod-security.kubernetes.io/enforce': 'baseline',
        'pod-security.kubernetes.io/warn': 'restricted',
      },
    },
  });
}

function isOf(namespace: Record<string, unknown>, subject: ProjectSubject): boolean {
  return metadataOf(namespace).labels[projectIdLabel] === subject.id;
}

function waitFor(reason: string, message: string) {
  return {
    kind: 'wait' as const,
    requeueAfterMs: 1_000,
    condition: namespaceReady('False', reason, message),
  };
}

function namespaceReady(status: ConditionInput['status'], reason: string, message: string): ConditionInput {
  return { type: 'NamespaceReady', status, reason, message };
}
