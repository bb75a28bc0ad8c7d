import { sql } from 'kysely';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import { subjectName, type ExternalThing } from './reconciler.ts';

/** An external thing that says whom it serves. */
export interface FoundThing extends ExternalThing {
  subjectId: string;
  uid: string;
}

export interface OrphanRules {
  database: Database;
  log: Logger;
  /** Kind of the subjects that own these things. */
  kind: string;
  /** Everything outside that carries our label. */
  find(): Promise<FoundThing[]>;
  /** Asked after `find`: false when it could not see everything. Then nothing is removed or forgotten. */
  sawEverything?(): boolean;
  /** Ids that may own things: living ones and those being deleted. */
  living(): Promise<Set<string>>;
  /** Takes one away. Leave it out for what holds people's data: that is only reported. */
  remove?(thing: FoundThing): Promise<void>;
  /** How long a thing must have been ownerless. */
  graceMs?: number;
}

export interface OrphanReport {
  /** Ownerless things that were seen for the first time or whose grace still runs. */
  marked: FoundThing[];
  removed: FoundThing[];
  /** Ownerless for longer than the grace, and not to be removed by us. */
  reported: FoundThing[];
  /** Recorded things that are not there any more and whose owner is gone. */
  forgotten: ExternalThing[];
  /** True when there were so many that something else must be wrong: nothing was removed. */
  stopped: boolean;
}

const defaultGraceMs = 60 * 60_000;
const removalsMax = 5;
const removalsShareMax = 0.02;

/**
 * One pass over (things outside) ∪ (inventory) − (living subjects). An ownerless thing is marked, and removed in a later
 * pass when it is still ownerless after the grace. More than five, or 2 % of all, in one pass: stop and let a person look.
 */
export async function collectOrphans(rules: OrphanRules): Promise<OrphanReport> {
  const found = await rules.find();
  const living = await rules.living();
  const report: OrphanReport = { marked: [], removed: [], reported: [], forgotten: [], stopped: false };
  const ownerless = found.filter((thing) => !living.has(thing.subjectId));
  const due = await markOrphans(rules, ownerless, report);
  const sawEverything = rules.sawEverything?.() ?? true;
  if (sawEverything) report.forgotten = await forgetVanished(rules, found, living);
  if (!rules.remove || !sawEverything) {
    report.reported = due;
  } else if (due.length > Math.max(removalsMax, found.length * removalsShareMax)) {
    report.stopped = true;
    report.reported = due;
    rules.log.error({ count: due.length, kind: rules.kind }, 'too many orphans at once; none was removed');
  } else {
    // Asked again right before the removal: the thing may have got an owner since.
    const still = await rules.living();
    for (const thing of due.filter((candidate) => !still.has(candidate.subjectId))) {
      await rules.remove(thing);
      await dropRecord(rules.database, thing);
      report.removed.push(thing);
      rules.log.warn({ thing }, 'an orphan was removed');
    }
  }
  return report;
}

/** Records each orphan with the time when it was first seen; answers those whose grace is over. */
async function markOrphans(
  rules: OrphanRules,
  orphans: FoundThing[],
  report: OrphanReport,
): Promise<FoundThing[]> {
  const due: FoundThing[] = [];
  for (const thing of orphans) {
    const { rows } = await rules.database.asWorker((tx) =>
      sql<{ over: boolean }>`
        insert into hexabase.inventory as i (cluster, kind, key, subject, fence, external_uid, orphan_since, last_seen_at)
        values (${thing.cluster}, ${thing.kind}, ${thing.key}, ${subjectName(rules.kind, thing.subjectId)}, 0, ${thing.uid}, now(), now())
        on conflict (cluster, kind, key) do update
          set orphan_since = coalesce(i.orphan_since, now()), external_uid = excluded.external_uid, last_seen_at = now()
        returning orphan_since <= now() - make_interval(secs => ${(rules.graceMs ?? defaultGraceMs) / 1000}) as over`.execute(
        tx,
      ),
    );
    if (rows[0]?.over) due.push(thing);
    else report.marked.push(thing);
  }
  return due;
}

/** Records whose thing is not there and whose owner is gone: nothing is left to remove. */
async function forgetVanished(
  rules: OrphanRules,
  found: FoundThing[],
  living: Set<string>,
): Promise<ExternalThing[]> {
  const prefix = subjectName(rules.kind, '');
  const { rows } = await rules.database.asWorker((tx) =>
    sql<ExternalThing & { subject: string }>`
      select cluster, kind, key, subject from hexabase.inventory where starts_with(subject, ${prefix})`.execute(
      tx,
    ),
  );
  const there = new Set(found.map(thingName));
  const gone = rows.filter(
    (row) => !there.has(thingName(row)) && !living.has(row.subject.slice(prefix.length)),
  );
  for (const thing of gone) await dropRecord(rules.database, thing);
  return gone.map(({ cluster, kind, key }) => ({ cluster, kind, key }));
}

async function dropRecord(database: Database, thing: ExternalThing): Promise<void> {
  await database.asWorker((tx) =>
    sql`delete from hexabase.inventory where cluster = ${thing.cluster} and kind = ${thing.kind} and key = ${thing.key}`.execute(
      tx,
    ),
  );
}

function thingName(thing: ExternalThing): string {
  return `${thing.cluster}/${thing.kind}/${thing.key}`;
}
