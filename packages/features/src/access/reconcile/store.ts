import { isDeepStrictEqual } from 'node:util';
import type { PolicyRule } from '@hexabase/contract/rules/policy-rule.ts';
import type { Condition } from '@hexabase/kernel/conditions.ts';
import { brandId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import type { Subject } from '@hexabase/reconcile/reconciler.ts';
import { LeaseLostError } from '@hexabase/reconcile/step-log.ts';
import { sql } from 'kysely';
import { defaultGroups } from '../../groups/public.ts';

/** A workspace with what its cluster must have of roles and bindings. */
export interface AccessSubject extends Subject {
  workspaceId: WorkspaceId;
  roles: readonly { id: string; name: string; rules: readonly PolicyRule[] }[];
  assignments: readonly GivenInCluster[];
  /** The workspace's default groups. */
  groups: { admins: string | null; users: string | null };
  /** Names of projects that have a namespace. */
  projects: readonly string[];
}

export interface GivenInCluster {
  id: string;
  preset: 'admin' | 'developer' | 'viewer' | null;
  roleId: string | null;
  /** Null: in the whole workspace. */
  project: string | null;
  groupId: string | null;
  userId: string | null;
}

/** A cluster that answers: it was there once, is not being removed and does not sleep. */
const reachable = sql`w.observed_generation > 0 and w.deletion_requested_at is null and w.deleted_at is null
  and not w.asleep and w.phase <> 'asleep'`;

/** Null for a workspace whose cluster cannot be asked now: when it can, its own reconciler wakes this one. */
export async function loadAccessSubject(tx: Tx, workspaceId: string): Promise<AccessSubject | null> {
  const { rows } = await sql<{
    organization_id: string;
    generation: number;
    conditions: Condition[];
    roles: AccessSubject['roles'];
    assignments: AccessSubject['assignments'];
    admins: string | null;
    users: string | null;
    projects: string[];
  }>`
    select w.organization_id, w.generation, w.access_conditions as conditions,
      (select id from groups g where g.workspace_id = w.id and g.name = ${defaultGroups.admins}) as admins,
      (select id from groups g where g.workspace_id = w.id and g.name = ${defaultGroups.users}) as users,
      coalesce((select jsonb_agg(jsonb_build_object('id', r.id, 'name', r.name, 'rules', r.rules) order by r.id)
        from roles r where r.workspace_id = w.id), '[]') as roles,
      coalesce((select jsonb_agg(jsonb_build_object('id', a.id, 'preset', a.preset, 'roleId', a.role_id, 'project', p.name,
          'groupId', a.group_id, 'userId', a.user_id) order by a.id)
        from role_assignments a left join projects p on p.id = a.project_id
        where a.workspace_id = w.id and (a.project_id is null or (p.deleted_at is null and p.deletion_requested_at is null))),
        '[]') as assignments,
      coalesce((select array_agg(p.name order by p.name) from projects p
        where p.workspace_id = w.id and p.deleted_at is null and p.deletion_requested_at is null
          and p.observed_generation > 0), '{}') as projects
    from workspaces w where w.id = ${workspaceId} and ${reachable}`.execute(tx);
  const row = rows[0];
  if (!row) return null;
  return {
    id: workspaceId,
    workspaceId: brandId(workspaceId),
    organizationId: row.organization_id,
    generation: row.generation,
    observedGeneration: row.generation,
    conditions: row.conditions,
    operationId: null,
    roles: row.roles,
    assignments: row.assignments,
    groups: { admins: row.admins, users: row.users },
    projects: row.projects,
  };
}

/**
 * Writes how the mirror stands, in columns of its own: the workspace's reconciler writes the other conditions whole, at the
 * same time. Throws `LeaseLostError` when a newer worker has written, or the workspace is gone.
 */
export async function saveAccess(
  tx: Tx,
  subject: AccessSubject,
  { conditions, fence }: { conditions: readonly Condition[]; fence: number },
): Promise<void> {
  // A cluster at rest is looked at again and again: nobody is told of what stayed as it was.
  if (isDeepStrictEqual(conditions, subject.conditions)) return;
  const { numAffectedRows } = await sql`
    update workspaces set access_conditions = ${JSON.stringify(conditions)}::jsonb, access_fence = ${fence}
    where id = ${subject.id} and access_fence <= ${fence} and deleted_at is null`.execute(tx);
  if (numAffectedRows !== 1n) throw new LeaseLostError(`workspace-access/${subject.id}`);
}

export async function workspacesWithAccess(tx: Tx): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`select w.id from workspaces w where ${reachable}`.execute(tx);
  return rows.map((row) => row.id);
}
