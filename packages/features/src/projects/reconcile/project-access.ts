import { ensureObject } from '@hexabase/cluster/ensure-object.ts';
import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import type { Step } from '@hexabase/reconcile/reconciler.ts';
import { sql } from 'kysely';
import { revokeUsers, wakeAccess } from '../../access/public.ts';
import { developersBinding } from '../../access/reconcile/wanted-objects.ts';
import { membersOf } from '../../groups/store.ts';
import type { ProjectSubject } from './store.ts';

/** Lets developers in before the project is said to be ready; what else is given in it follows at once. */
export function projectAccessStep(driver: ClusterDriver): Step<ProjectSubject> {
  return {
    name: 'access',
    words: 'Letting developers in',
    timeoutMs: 30_000,
    run: async ({ subject, signal }) => {
      const client = driver.tenantClient(subject.workspaceId);
      const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${subject.name}/rolebindings`;
      await ensureObject({ client, path, signal }, developersBinding(subject.name));
      return { kind: 'done' };
    },
    commit: (tx, { subject }) => wakeAccess(tx, [subject.workspaceId]),
  };
}

/** What was given in a project ends with it: a project of the same name is another one. */
export async function endProjectAccess(
  tx: Tx,
  { id, organizationId }: Pick<ProjectSubject, 'id' | 'organizationId'>,
): Promise<void> {
  const { rows } = await sql<{ group_id: string | null; user_id: string | null }>`
    delete from role_assignments where project_id = ${id} returning group_id, user_id`.execute(tx);
  const groupIds = rows.flatMap((row) => row.group_id ?? []);
  const userIds = rows.flatMap((row) => row.user_id ?? []);
  await revokeUsers(tx, organizationId, [...userIds, ...(await membersOf(tx, groupIds))]);
}
