import type { Workspace, WorkspacePhase } from '@hexabase/contract/workspace.ts';
import { derivePhase, type PhaseInput } from './phase.ts';

/** Phases in which the tenant's API server answers. */
const usable: readonly WorkspacePhase[] = ['active', 'updating', 'degraded'];

export function isUsable(phase: WorkspacePhase): boolean {
  return usable.includes(phase);
}

/** People may connect: a sleeping workspace is woken by their first request. */
export function isConnectable(phase: WorkspacePhase): boolean {
  return isUsable(phase) || phase === 'asleep';
}

/**
 * The phase from the moment a new generation is asked for until its conditions are known. A new generation starts
 * afresh: that the one before was given up says nothing about it.
 */
export function phaseOfNextGeneration(input: PhaseInput): WorkspacePhase {
  const conditions = input.conditions.filter((condition) => condition.type !== 'Stalled');
  return derivePhase({ ...input, conditions, generation: input.generation + 1 });
}

/** Context name in kubeconfigs. */
export function contextName(workspace: Pick<Workspace, 'slug'>): string {
  return `hexabase-${workspace.slug}`;
}
