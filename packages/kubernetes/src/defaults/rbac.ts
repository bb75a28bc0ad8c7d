import { ensureJson, items, setDefaultOfZero } from '../schema/json.ts';
import type { Json } from '../schema/json.ts';

const GROUP = 'rbac.authorization.k8s.io';

/** Defaults of a RoleBinding or ClusterRoleBinding: API groups of the role and of users and groups. */
export function defaultRoleBinding(binding: Json): void {
  setDefaultOfZero(ensureJson(binding, 'roleRef'), 'apiGroup', GROUP);
  for (const subject of items(binding['subjects'])) {
    if (subject['kind'] === 'User' || subject['kind'] === 'Group')
      setDefaultOfZero(subject, 'apiGroup', GROUP);
  }
}
