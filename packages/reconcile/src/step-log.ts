import { sql } from 'kysely';
import type { Tx } from '@hexabase/postgres/database.ts';
import { subjectName, type ExternalThing, type Progress, type Subject } from './reconciler.ts';
import type { Told } from './report.ts';
import { leaseSeconds, type Claim } from './queue.ts';

/** What is known of the operation that a subject is in. */
export interface OperationLog {
  id: string;
  createdAt: Date;
  /** Highest attempt per step. */
  attempts: Map<string, number>;
  done: Set<string>;
}

export interface StepEvent {
  step: string;
  attempt: number;
  kind: 'intent' | 'done' | 'failed';
  message: string;
}

/** What one transaction notes beside the rows of the step itself. */
export interface Note {
  events: readonly StepEvent[];
  makes: readonly ExternalThing[];
  released: readonly ExternalThing[];
  /** All that is recorded for the subject is proven to be gone. */
  allReleased: boolean;
  removes: boolean;
  /** For the report of a removal; null when the steps tell nothing. */
  report: Told | null;
  progress: Progress | null;
  /** Ends the operation. */
  end: { state: 'succeeded' | 'failed' | 'stuck'; message: string } | null;
}

/** Another worker owns the key now; whoever gets this stops at once and writes nothing more. */
export class LeaseLostError extends Error {
  constructor(key: string) {
    super(`the lease of ${key} was lost`);
    this.name = 'LeaseLostError';
  }
}

/** An external thing of that name belongs to something else: it is never taken over. */
export class NotOursError extends Error {
  constructor(things: readonly ExternalThing[]) {
    super(
      `already belongs to something else: ${things.map((thing) => `${thing.kind} ${thing.key}`).join(', ')}`,
    );
    this.name = 'NotOursError';
  }
}

/** Null when the operation does not run (any more): what is done now is drift repair. */
export async function loadOperation(tx: Tx, operationId: string | null): Promise<OperationLog | null> {
  if (operationId === null) return null;
  const { rows } = await sql<{
    createdAt: Date;
    step: string | null;
    attempt: number | null;
    done: boolean | null;
  }>`
    select o.created_at as "createdAt", e.step, max(e.attempt) as attempt, bool_or(e.kind = 'done') as done
    from hexabase.operations o left join hexabase.operation_events e on e.operation_id = o.id
    where o.id = ${operationId} and o.state in ('running', 'stuck')
    group by o.id, e.step`.execute(tx);
  const first = rows[0];
  if (!first) return null;
  const log: OperationLog = {
    id: operationId,
    createdAt: first.createdAt,
    attempts: new Map(),
    done: new Set(),
  };
  for (const { step, attempt, done } of rows) {
    if (step === null) continue;
    log.attempts.set(step, attempt ?? 0);
    if (done) log.done.add(step);
  }
  return log;
}

/**
 * Notes all of it in one statement, only while the lease is held, which it prolongs.
 * Throws `LeaseLostError`, and `NotOursError` when an external thing is recorded for another subject.
 */
export async function writeNote(
  tx: Tx,
  { claim, subject }: { claim: Claim; subject: Subject },
  note: Note & { operationId: string | null },
): Promise<void> {
  const name = subjectName(claim.kind, claim.key);
  const ended = note.end !== null && note.end.state !== 'stuck' && note.operationId !== null;
  const released = JSON.stringify(note.released);
  const { rows } = await sql<{ held: number; made: number }>`
    with held as (
      update hexabase.reconcile_queue set lease_expires_at = now() + make_interval(secs => ${leaseSeconds})
      where kind = ${claim.kind} and key = ${claim.key} and fence = ${claim.fence} and lease_owner is not null
      returning 1
    ), events as (
      insert into hexabase.operation_events (operation_id, organization_id, step, attempt, kind, fence, message)
      select ${note.operationId}, ${subject.organizationId}, e.step, e.attempt, e.kind, ${claim.fence}, e.message
      from jsonb_to_recordset(${JSON.stringify(note.operationId === null ? [] : note.events)}::jsonb)
        as e (step text, attempt int, kind text, message text), held
      on conflict do nothing
    ), made as (
      insert into hexabase.inventory as i (cluster, kind, key, subject, organization_id, fence, last_seen_at)
      select m.cluster, m.kind, m.key, ${name}, ${subject.organizationId}, ${claim.fence}, now()
      from jsonb_to_recordset(${JSON.stringify(note.makes)}::jsonb) as m (cluster text, kind text, key text), held
      on conflict (cluster, kind, key) do update
        set fence = excluded.fence, last_seen_at = now(), orphan_since = null where i.subject = excluded.subject
      returning 1
    ), gone as (
      delete from hexabase.inventory i using held
      where i.subject = ${name} and (${note.allReleased} or exists (
        select from jsonb_to_recordset(${released}::jsonb) as r (cluster text, kind text, key text)
        where (r.cluster, r.kind, r.key) = (i.cluster, i.kind, i.key)))
      returning i.cluster, i.kind, i.key
    ), operation as (
      update hexabase.operations o set
        step = coalesce(${note.progress?.step ?? null}::int, o.step),
        steps = coalesce(${note.progress?.steps ?? null}::int, o.steps),
        message = coalesce(${note.end?.message ?? note.progress?.message ?? null}, o.message),
        state = coalesce(${note.end?.state ?? null}, 'running'),
        finished_at = case when ${note.end !== null && note.end.state !== 'stuck'} then now() end,
        report = ${reportOf(note, name)}
      from held where o.id = ${note.operationId}::text
    ), older as (
      update hexabase.operations o set
        state = case when ${note.removes} then 'failed' else ${note.end?.state ?? 'failed'}::text end,
        message = 'A later operation took over', finished_at = now()
      from held, hexabase.operations mine
      where ${ended} and mine.id = ${note.operationId}::text and o.subject = mine.subject and o.id <> mine.id
        and o.state in ('running', 'stuck') and o.created_at <= mine.created_at
    )
    select (select count(*)::int from held) as held, (select count(*)::int from made) as made`.execute(tx);
  if (rows[0]?.held !== 1) throw new LeaseLostError(name);
  if (rows[0].made !== note.makes.length) throw new NotOursError(note.makes);
}

/**
 * The operation's report with what this note adds: what was removed and checked adds up, `left` is as of the last look,
 * and what was left at the look before it and is not any more was removed.
 */
function reportOf(note: Note, name: string) {
  const { report, released, allReleased, end } = note;
  if (!note.removes || (!report && released.length === 0 && !allReleased && !end)) return sql`o.report`;
  const told = report ?? { removed: [], left: null, checked: [] };
  const before = sql`coalesce(o.report -> 'left', '[]')`;
  // Who ends a removal has proven that nothing is left.
  const seen = told.left ?? (end?.state === 'succeeded' ? [] : null);
  const now = seen === null ? before : sql`${JSON.stringify(seen)}::jsonb`;
  const recorded = sql`select i.kind, i.key from hexabase.inventory i where i.subject = ${name}`;
  const left = sql`(
    select item from jsonb_array_elements(${now}) as item
    where (item ->> 'kind', item ->> 'key') not in (${recorded})
    union all
    select jsonb_build_object('kind', r.kind, 'key', r.key) from (${recorded}) as r
    where not exists (select from gone g where (g.kind, g.key) = (r.kind, r.key)))`;
  return sql`jsonb_build_object(
    'removed', (select coalesce(jsonb_agg(distinct item), '[]') from (
      select jsonb_array_elements(coalesce(o.report -> 'removed', '[]') || ${JSON.stringify(told.removed)}::jsonb) as item
      union all
      select jsonb_build_object('kind', kind, 'key', key) from gone
      union all
      select item - 'why' from jsonb_array_elements(${before}) as item
      where (item ->> 'kind', item ->> 'key') not in (select l.item ->> 'kind', l.item ->> 'key' from ${left} as l)) as found),
    'checked', (select coalesce(jsonb_agg(distinct item), '[]') from jsonb_array_elements(
      coalesce(o.report -> 'checked', '[]') || ${JSON.stringify(told.checked)}::jsonb) as item),
    'left', (select coalesce(jsonb_agg(l.item), '[]') from ${left} as l))`;
}
