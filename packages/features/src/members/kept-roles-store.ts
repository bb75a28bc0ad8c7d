import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

/** A role that was given to somebody or to a group that they are in. */
export interface KeptRow {
  id: string;
  workspaceId: string;
  workspace: string;
  role: string;
  projectId: string | null;
  project: string | null;
  /** Null: to the person. */
  groupId: string | null;
}

interface Asked {
  organizationId: string;
  userId: string;
  groupIds: readonly string[];
  /** Names of presets that are left out. */
  but: { workspace: readonly string[]; project: readonly string[] };
  limit: number;
}

/** In all workspaces of the organization, in the order of their names; `total` counts those beyond the limit too. */
export async function keptRoleRows(tx: Tx, asked: Asked): Promise<{ rows: KeptRow[]; total: number }> {
  const { rows } = await sql<KeptRow & { total: number }>`
    select a.id, w.id as "workspaceId", w.slug as workspace, coalesce(r.name, a.preset) as role, p.id as "projectId",
      p.name as project, a.group_id as "groupId", count(*) over ()::integer as total
    from role_assignments a join workspaces w on w.id = a.workspace_id and w.deleted_at is null
      left join roles r on r.id = a.role_id left join projects p on p.id = a.project_id
    where a.organization_id = ${asked.organizationId}
      and (a.user_id = ${asked.userId} or a.group_id = any (${[...asked.groupIds]}::text[]))
      and (p.id is null or p.deleted_at is null)
      and (a.preset is null or a.preset <> all (
        case when p.id is null then ${[...asked.but.workspace]}::text[] else ${[...asked.but.project]}::text[] end))
    order by w.slug, p.name nulls first, role, a.id limit ${asked.limit}`.execute(tx);
  return { rows, total: rows[0]?.total ?? 0 };
}
