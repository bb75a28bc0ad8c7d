import { sql } from 'kysely';
import type { Tx } from '@hexabase/postgres/database.ts';
import { updatingUnlessAsleep } from '../clock-store.ts';
import { isNewRelease, isNewVersion, type WorkspaceSubject } from '../store.ts';

/** The reason of the condition `Upgraded` where a release went back for want of nothing but the workspace's DNS. */
export const dnsNotWell = 'DnsNotWell';

/**
 * From a plan; from a version; from a version that says nothing of itself here, as its chart is too far ahead of the one that
 * is there or the tenant is lost; or from one after which the workspace's DNS is not well, which may be the tenant's doing.
 */
export type GoingBack = 'plan' | 'version' | 'too-far' | 'dns';

/**
 * Puts back what was in place before a change that failed, as a generation of its own; what else was asked for stays asked
 * for. Does nothing when people have asked for something newer meanwhile.
 */
export async function goBack(tx: Tx, subject: WorkspaceSubject, what: GoingBack): Promise<void> {
  const before =
    what === 'plan'
      ? sql`refused_plan = plan, plan = coalesce(settled_plan, plan)`
      : sql`kubernetes_version = coalesce(settled_version, kubernetes_version),
          release = coalesce(settled_release, release), ${ofRelease(subject, what)}`;
  // A plan is looked at in what answers; a version may go back from a workspace that has not woken yet.
  const phase = what === 'plan' ? sql`'updating'` : updatingUnlessAsleep;
  const { numAffectedRows } = await sql`
    update workspaces w set ${before}, generation = generation + 1, phase = ${phase}
    where id = ${subject.id} and generation = ${subject.generation} and deleted_at is null`.execute(tx);
  if (numAffectedRows !== 1n) return;
  await sql`select hexabase.enqueue('workspace', ${subject.id})`.execute(tx);
  // What was made in advance may have the release that was refused.
  if (what !== 'plan') await sql`select hexabase.enqueue('pool', 'refill')`.execute(tx);
}

/** What is to be known of a release that was not brought. */
function ofRelease(subject: WorkspaceSubject, what: Exclude<GoingBack, 'plan'>) {
  if (what === 'too-far') return sql`too_far_for = release`;
  const isItsFault = isNewRelease(subject) && !isNewVersion(subject);
  const refused = sql`refused_release = case when ${isItsFault} then release else refused_release end`;
  if (what === 'version' || !isItsFault) return refused;
  return sql`refused_release = case when ${isSecondWithoutDns} then release else refused_release end, too_far_for = release`;
}

/** One may have broken its own DNS; of two the release has, and it must not go on to the others. */
const isSecondWithoutDns = sql`exists (
  select from workspaces o
  where o.id <> w.id and o.deleted_at is null and o.deletion_requested_at is null and o.too_far_for = w.release
    and o.host_cluster_id is not distinct from w.host_cluster_id
    and o.conditions @> ${JSON.stringify([{ type: 'Upgraded', reason: dnsNotWell }])}::jsonb)`;
