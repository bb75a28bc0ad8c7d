import { metadataOf, readObject } from '@hexabase/cluster/ensure-object.ts';
import type { TenantClient } from '@hexabase/cluster/port.ts';
import { putBack } from './put-back.ts';
import type { AccessSubject } from './store.ts';
import { catching, troubleWith, type Collection, type Trouble } from './trouble.ts';
import {
  assignedClusterBindings,
  customClusterRoles,
  defaultClusterBindings,
  presetClusterRoles,
  projectBindings,
} from './wanted-objects.ts';

const rbac = '/apis/rbac.authorization.k8s.io/v1';

/** Projects that are looked at at the same time, with the bindings of the whole workspace. */
const lanes = 4;

export interface Mirroring {
  client: TenantClient;
  signal: AbortSignal;
  nowMs: number;
  /** Any number: another one each time lets each place be the first one now and then. */
  turn: number;
}

/**
 * Makes roles and bindings of a workspace's cluster what was decided, and answers what could not be. One place where something
 * is in the way keeps no other from it; a cluster that does not answer is not asked further.
 */
export async function mirrorAccess(how: Mirroring, subject: AccessSubject): Promise<Trouble[]> {
  // Roles come before bindings, so that nothing is bound to what is not there.
  const roles = [...presetClusterRoles(), ...customClusterRoles(subject)];
  const troubles = await putBack(collection(how, 'ClusterRole'), roles);
  if (troubles.some(({ kind }) => kind === 'silent')) return troubles;
  const { projects } = subject;
  // The whole workspace is one place among its projects: a webhook that takes its time with one holds up one lane.
  const places = [null, ...projects];
  const first = how.turn % places.length;
  // All lanes take from the same list.
  const next = [...places.slice(first), ...places.slice(0, first)].values();
  const work = async (): Promise<void> => {
    for (const place of next) {
      const mirrored = place === null ? mirrorWhole(how, subject) : mirrorProject(how, place, subject);
      troubles.push(...(await mirrored));
    }
  };
  await Promise.all(Array.from({ length: lanes }, work));
  return troubles;
}

function mirrorWhole(how: Mirroring, subject: AccessSubject): Promise<Trouble[]> {
  const bindings = [...defaultClusterBindings(subject.groups), ...assignedClusterBindings(subject)];
  return putBack(collection(how, 'ClusterRoleBinding'), bindings);
}

async function mirrorProject(how: Mirroring, project: string, subject: AccessSubject): Promise<Trouble[]> {
  const namespaces = { client: how.client, path: '/api/v1/namespaces', signal: how.signal };
  const { found, error } = await catching(() => readObject(namespaces, project));
  if (error) return [troubleWith(error, `Project ${project} cannot be looked at`, 'other')];
  // A namespace that was deleted meanwhile ends its project; that is not for here to wait for.
  if (!found || metadataOf(found).deleting) return [];
  return putBack(collection(how, 'RoleBinding', project), projectBindings(project, subject));
}

/** Of the whole workspace without a project. */
export function collection(
  { client, signal, nowMs }: Pick<Mirroring, 'client' | 'signal' | 'nowMs'>,
  kind: Collection['kind'],
  project?: string,
): Collection {
  const namespace = project === undefined ? '' : `/namespaces/${project}`;
  const path = `${rbac}${namespace}/${kind.toLowerCase()}s`;
  const where = project === undefined ? '' : ` in project ${project}`;
  return { client, path, signal, kind, where, nowMs };
}
