import type { WorkspacePhase } from '@hexabase/contract/workspace.ts';
import { newId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import type { SleepSchedule } from '../life-cycle/schedule.ts';
import type { SleepReason } from '../store.ts';

/** A workspace in which the time has come for something. */
export interface ClockedRow extends SleepSchedule {
  id: string;
  organizationId: string;
  asleep: boolean;
  /** It works, and its deletion was not asked for. */
  usable: boolean;
  scheduleDueAt: Date | null;
  deletionIsDue: boolean;
  deletionRequestedBy: string | null;
  isIdle: boolean;
}

/** All that is due, in one statement, the idleness only of those that are `resting` where they are given; held until the end of the transaction, so that two workers do not both act. */
export async function takeDueRows(
  tx: Tx,
  { nowMs, limit, resting }: { nowMs: number; limit: number; resting?: readonly WorkspaceId[] | undefined },
): Promise<ClockedRow[]> {
  const now = sql`${new Date(nowMs)}::timestamptz`;
  const may = resting === undefined ? sql`true` : sql`w.id = any (${[...resting]}::text[])`;
  const idle = sql`(${idleAt(nowMs)} and ${may})`;
  const { rows } = await sql<ClockedRow>`
    select w.id, w.organization_id as "organizationId", w.asleep, w.sleep_at as "sleepAt", w.wake_at as "wakeAt",
      w.time_zone as "timeZone", w.observed_generation > 0 and w.deletion_requested_at is null as usable,
      case when w.schedule_due_at <= ${now} then w.schedule_due_at end as "scheduleDueAt",
      coalesce(w.deletion_due_at <= ${now}, false) as "deletionIsDue",
      w.deletion_requested_by as "deletionRequestedBy", ${idle} as "isIdle"
    from workspaces w left join workspace_usage u on u.workspace_id = w.id
    where w.deleted_at is null
      and (w.schedule_due_at is not null or w.idle_minutes is not null or w.deletion_due_at is not null)
      and (w.schedule_due_at <= ${now} or w.deletion_due_at <= ${now} or ${idle})
    order by w.id limit ${limit} for update of w skip locked`.execute(tx);
  return rows;
}

export interface IdleWorkspace {
  id: WorkspaceId;
  hostClusterId: string | null;
}

/** Workspaces whose idle minutes are over, in another order each time. */
export async function idleWorkspaces(tx: Tx, nowMs: number): Promise<IdleWorkspace[]> {
  const { rows } = await sql<IdleWorkspace>`
    select w.id, w.host_cluster_id as "hostClusterId" from workspaces w left join workspace_usage u on u.workspace_id = w.id
    where w.deleted_at is null and w.deletion_requested_at is null and ${idleAt(nowMs)}
    order by random()`.execute(tx);
  return rows;
}

const lastUsed = sql`greatest(u.last_used_at, w.created_at)`;

function idleAt(nowMs: number) {
  return sql`(w.idle_minutes is not null and not w.asleep and w.phase = 'active'
    and ${lastUsed} < ${new Date(nowMs)}::timestamptz - make_interval(mins => w.idle_minutes))`;
}

export async function setNextTurn(tx: Tx, id: string, atMs: number | null): Promise<void> {
  await sql`update workspaces set schedule_due_at = ${atMs === null ? null : new Date(atMs)}
    where id = ${id}`.execute(tx);
}

export type ClockedChange =
  | { kind: 'workspace.sleep'; reason: SleepReason }
  | { kind: 'workspace.wake'; by?: string; words?: string }
  | { kind: 'workspace.upgrade'; release: string }
  | { kind: 'workspace.delete'; by: string | null };

/**
 * What nobody asked for in a request: a new generation with an operation of its own. Answers false when the workspace is
 * not in a state for it (any more).
 */
export async function changeByClock(
  tx: Tx,
  { id, nowMs, change }: { id: string; nowMs: number; change: ClockedChange },
): Promise<boolean> {
  const operationId = newId<'Operation'>(nowMs);
  const { rows } = await sql<{ organization_id: string; generation: number }>`
    update workspaces set ${columnsOf(change)}, generation = generation + 1, operation_id = ${operationId}
    where id = ${id} and deleted_at is null and observed_generation > 0 and ${fitting(change)}
    returning organization_id, generation`.execute(tx);
  const row = rows[0];
  if (!row) return false;
  await sql`
    insert into operations (id, organization_id, kind, subject, generation, message, created_by, created_at)
    values (${operationId}, ${row.organization_id}, ${change.kind}, ${`workspace/${id}`}, ${row.generation},
      'Waiting for a worker', ${('by' in change && change.by) || null}, ${new Date(nowMs)})`.execute(tx);
  if (change.kind === 'workspace.wake' && change.words !== undefined)
    await sql`insert into operation_events (operation_id, organization_id, step, attempt, kind, fence, message)
      values (${operationId}, ${row.organization_id}, 'asked', 1, 'done', 0, ${`Woken by ${change.words}`})`.execute(
      tx,
    );
  await sql`select hexabase.enqueue('workspace', ${id})`.execute(tx);
  return true;
}

function columnsOf(change: ClockedChange) {
  switch (change.kind) {
    case 'workspace.sleep':
      return sql`asleep = true, sleep_reason = ${change.reason}, phase = ${updatingUnlessAsleep}`;
    // It stays in phase asleep, where requests are held, until its API answers.
    case 'workspace.wake':
      return sql`asleep = false, sleep_reason = null`;
    case 'workspace.upgrade':
      return sql`release = ${change.release}, phase = ${updatingUnlessAsleep}`;
    case 'workspace.delete':
      return sql`deletion_due_at = null`;
  }
}

/**
 * SQL: the phase while a newer generation is on its way. What falls asleep or wakes stays asleep: its API does not answer,
 * and requests wait for it instead of failing.
 */
export const updatingUnlessAsleep = sql`case when phase = 'asleep' then phase else 'updating' end`;

function fitting(change: ClockedChange) {
  switch (change.kind) {
    case 'workspace.sleep':
      return sql`not asleep and deletion_requested_at is null`;
    case 'workspace.wake':
      return sql`asleep and deletion_requested_at is null`;
    case 'workspace.upgrade':
      return sql`release = settled_release and not asleep and deletion_requested_at is null`;
    case 'workspace.delete':
      return sql`deletion_due_at is not null`;
  }
}

export interface WakeState {
  asleep: boolean;
  phase: WorkspacePhase;
  deleting: boolean;
}

export async function readWakeState(tx: Tx, id: string): Promise<WakeState | null> {
  const { rows } = await sql<WakeState>`
    select asleep, phase, deletion_requested_at is not null as deleting from workspaces
    where id = ${id} and deleted_at is null`.execute(tx);
  return rows[0] ?? null;
}
