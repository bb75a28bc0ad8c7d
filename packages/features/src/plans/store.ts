import type { Plan } from '@hexabase/contract/platform/plan.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import type { Selectable } from 'kysely';
import { offsetOf, orderBy, type PageQuery } from '../run/paging.ts';

export interface PlanTable {
  name: string;
  display_name: string;
  max_workspaces: number | null;
  cpu_milli: number;
  memory_mib: number;
  storage_gib: number;
  isolations: ('shared' | 'dedicated')[];
  support: string;
  audit_days: number;
  rank: number;
}

declare module '@hexabase/postgres/schema.ts' {
  interface Schema {
    plans: PlanTable;
  }
}

const sortable = { rank: 'rank', name: 'name' } as const;

export async function listPlanRows(tx: Tx, query: PageQuery): Promise<{ data: Plan[]; total: number }> {
  const order = orderBy(query.sort, sortable, { column: 'rank', direction: 'asc' });
  const rows = await tx
    .selectFrom('plans')
    .selectAll()
    .orderBy(order.column, order.direction)
    .limit(query.limit)
    .offset(offsetOf(query))
    .execute();
  const { total } = await tx
    .selectFrom('plans')
    .select((eb) => eb.cast<number>(eb.fn.countAll(), 'integer').as('total'))
    .executeTakeFirstOrThrow();
  return { data: rows.map(toPlan), total };
}

export async function findPlan(tx: Tx, name: string): Promise<Plan | null> {
  const row = await tx.selectFrom('plans').selectAll().where('name', '=', name).executeTakeFirst();
  return row ? toPlan(row) : null;
}

function toPlan(row: Selectable<PlanTable>): Plan {
  return {
    name: row.name,
    displayName: row.display_name,
    maxWorkspaces: row.max_workspaces,
    cpuMilli: row.cpu_milli,
    memoryMib: row.memory_mib,
    storageGib: row.storage_gib,
    isolations: row.isolations,
    support: row.support,
    auditDays: row.audit_days,
    rank: row.rank,
  };
}
