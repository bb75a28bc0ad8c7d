import type { Project } from '@hexabase/contract/project.ts';
import type { Condition } from '@hexabase/kernel/conditions.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql, type ColumnType, type Generated, type JSONColumnType, type Selectable } from 'kysely';
import { offsetOf, orderBy, type PageQuery } from '../run/paging.ts';

export interface ProjectTable {
  id: string;
  workspace_id: string;
  organization_id: string;
  name: string;
  generation: Generated<number>;
  observed_generation: Generated<number>;
  conditions: ColumnType<Condition[], string | undefined, string>;
  progress: JSONColumnType<{ step: number; steps: number; message: string }> | null;
  phase: Generated<Project['phase']>;
  operation_id: string | null;
  created_by: string | null;
  created_at: Date;
  deletion_requested_at: Date | null;
  deleted_at: Date | null;
}

declare module '@hexabase/postgres/schema.ts' {
  interface Schema {
    projects: ProjectTable;
  }
}

export type ProjectRow = Selectable<ProjectTable>;

const sortable = { name: 'name', phase: 'phase', createdAt: 'created_at' } as const;

export async function listProjectRows(
  tx: Tx,
  workspaceId: string,
  query: PageQuery,
): Promise<{ data: Project[]; total: number }> {
  const order = orderBy(query.sort, sortable, { column: 'name', direction: 'asc' });
  const live = tx
    .selectFrom('projects')
    .where('workspace_id', '=', workspaceId)
    .where('deleted_at', 'is', null);
  const rows = await live
    .selectAll()
    .orderBy(order.column, order.direction)
    .orderBy('id')
    .limit(query.limit)
    .offset(offsetOf(query))
    .execute();
  const { total } = await live.select(sql<number>`count(*)::integer`.as('total')).executeTakeFirstOrThrow();
  return { data: rows.map(toProject), total };
}

/** One live project of the workspace by name or id; ids of other workspaces' projects are not found. */
export async function findProjectRow(
  tx: Tx,
  { workspaceId, nameOrId, lock }: { workspaceId: string; nameOrId: string; lock: boolean },
): Promise<ProjectRow | null> {
  const row = await tx
    .selectFrom('projects')
    .selectAll()
    .where('workspace_id', '=', workspaceId)
    .where('deleted_at', 'is', null)
    .where((eb) => eb.or([eb('name', '=', nameOrId), eb('id', '=', nameOrId)]))
    .$if(lock, (query) => query.forUpdate())
    .executeTakeFirst();
  return row ?? null;
}

export async function findLiveProjectRow(tx: Tx, id: string): Promise<ProjectRow | null> {
  const row = await tx
    .selectFrom('projects')
    .selectAll()
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  return row ?? null;
}

export type NewProject = Pick<
  ProjectRow,
  'id' | 'workspace_id' | 'organization_id' | 'name' | 'operation_id' | 'created_by' | 'created_at'
>;

/** Answers null when the workspace has a live project of that name. */
export async function insertProject(tx: Tx, row: NewProject): Promise<ProjectRow | null> {
  const inserted = await tx
    .insertInto('projects')
    .values({ ...row, progress: null, deletion_requested_at: null, deleted_at: null })
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst();
  return inserted ?? null;
}

export async function requestProjectDeletion(
  tx: Tx,
  { id, at, operationId }: { id: string; at: Date; operationId: string },
): Promise<ProjectRow> {
  return tx
    .updateTable('projects')
    .set({
      deletion_requested_at: at,
      phase: 'deleting',
      operation_id: operationId,
      generation: sql`generation + 1`,
    })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

export function toProject(row: ProjectRow): Project {
  return {
    id: row.id,
    name: row.name,
    workspaceId: row.workspace_id,
    phase: row.phase,
    generation: row.generation,
    observedGeneration: row.observed_generation,
    conditions: row.conditions,
    createdAt: row.created_at.toISOString(),
  };
}
