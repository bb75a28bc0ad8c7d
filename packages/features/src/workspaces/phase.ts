import type { WorkspacePhase } from '@hexabase/contract/workspace.ts';
import { findCondition, type Condition } from '@hexabase/kernel/conditions.ts';

export interface PhaseInput {
  conditions: readonly Condition[];
  generation: number;
  observedGeneration: number;
  deletionRequested: boolean;
}

/**
 * The one place where a phase is decided. What never worked is `provisioning` until it works or is given up (`failed`);
 * what worked once is `degraded` when it does not, and `updating` while a newer generation is on its way. It is `asleep`
 * from when it begins to fall asleep until its API answers again.
 */
export function derivePhase({
  conditions,
  generation,
  observedGeneration,
  deletionRequested,
}: PhaseInput): WorkspacePhase {
  if (deletionRequested) return 'deleting';
  const ready = findCondition(conditions, 'Ready');
  const stalled = findCondition(conditions, 'Stalled')?.status === 'True';
  const worked = observedGeneration > 0;
  if (!worked) return stalled ? 'failed' : 'provisioning';
  if (stalled) return 'degraded';
  if (isAsleep(conditions)) return 'asleep';
  const isBehind = observedGeneration < generation;
  // It answers again, and the rest of the wake is on its way: nothing has failed.
  const hasJustWoken = isBehind && ready?.status === 'False' && ready.reason === 'Asleep';
  if (ready?.status !== 'True' && !hasJustWoken) return 'degraded';
  return isBehind ? 'updating' : 'active';
}

/** True from when it begins to fall asleep until its API answers again. */
export function isAsleep(conditions: readonly Condition[]): boolean {
  const asleep = findCondition(conditions, 'Asleep');
  return asleep !== undefined && asleep.status !== 'False';
}
