import type { Workspace } from '@hexabase/contract/workspace.ts';
import { brandId } from '@hexabase/kernel/id.ts';
import { startedAfresh } from '@hexabase/reconcile/fresh-start.ts';
import type { Ports } from '../run/ports.ts';
import type { WorkspaceRow } from './store.ts';
import { isUsable } from './workspace.ts';

/** What a representation needs beside the row. */
export type WorkspaceView = Pick<Ports, 'kubernetes' | 'deletionGraceMs'>;

export function toWorkspace(row: WorkspaceRow, { kubernetes, deletionGraceMs }: WorkspaceView): Workspace {
  return {
    id: row.id,
    slug: row.slug,
    name: row.name,
    description: row.description,
    organizationId: row.organization_id,
    plan: row.plan,
    region: row.region,
    isolation: row.isolation,
    phase: row.phase,
    generation: row.generation,
    observedGeneration: row.observed_generation,
    conditions: conditionsOf(row),
    progress: row.progress,
    kubernetesUrl: kubernetes.urlOf(brandId(row.id)),
    operationId: row.operation_id,
    sleep: {
      wanted: row.asleep,
      reason: row.sleep_reason,
      sleepAt: row.sleep_at,
      wakeAt: row.wake_at,
      timeZone: row.time_zone,
      idleMinutes: row.idle_minutes,
      nextAt: row.schedule_due_at?.toISOString() ?? null,
    },
    kubernetesVersion: row.kubernetes_version,
    runningVersion: row.running_version,
    clone: row.clone && {
      sourceId: row.clone.sourceId,
      sourceSlug: row.clone.sourceSlug,
      takenAt: row.clone.takenAt ?? null,
      objects: row.clone.objects ?? null,
      notCopied: row.clone.notCopied,
    },
    createdAt: row.created_at.toISOString(),
    deletionRequestedAt: row.deletion_requested_at?.toISOString() ?? null,
    deletionDueAt: row.deletion_due_at?.toISOString() ?? null,
    deletionGraceMinutes: Math.round((deletionGraceMs ?? 0) / 60_000),
  };
}

/** How roles are mirrored and what runs in it is told only while its cluster answers: what was seen before says nothing of one that sleeps or goes. */
export function conditionsOf(
  row: Pick<
    WorkspaceRow,
    'conditions' | 'access_conditions' | 'generation' | 'observed_generation' | 'phase'
  >,
): Workspace['conditions'] {
  const { conditions, generation, observed_generation: observedGeneration } = row;
  const own = startedAfresh({ conditions, generation, observedGeneration }, null);
  return isUsable(row.phase)
    ? [...own, ...row.access_conditions]
    : own.filter(({ type }) => type !== 'WorkloadsRunning');
}
