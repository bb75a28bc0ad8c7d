import type { GroupResource, KubeObject } from '../types.ts';
import type { Change } from './controller.ts';

/**
 * Which objects of the kinds that can be adopted have no controller, per namespace. Spares every ReplicaSet the walk
 * through all pods of its namespace.
 */
export interface OrphanIndex {
  note(change: Change): void;
  names(resource: GroupResource, namespace: string): Iterable<string>;
}

const ADOPTABLE = new Set<string>(['/pods', 'apps/replicasets', 'apps/controllerrevisions', 'batch/jobs']);

export function createOrphanIndex(): OrphanIndex {
  const byNamespace = new Map<string, Set<string>>();
  return {
    note({ resource, object, deleted }) {
      if (!ADOPTABLE.has(resource)) return;
      const key = `${resource} ${object.metadata.namespace ?? ''}`;
      const names = byNamespace.get(key);
      if (deleted || hasController(object)) {
        if (names?.delete(object.metadata.name) && names.size === 0) byNamespace.delete(key);
      } else if (names) names.add(object.metadata.name);
      else byNamespace.set(key, new Set([object.metadata.name]));
    },
    names: (resource, namespace) => byNamespace.get(`${resource} ${namespace}`) ?? [],
  };
}

function hasController(object: KubeObject): boolean {
  return object.metadata.ownerReferences?.some((reference) => reference.controller) ?? false;
}
