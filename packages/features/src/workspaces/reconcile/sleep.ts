import type { ConditionInput } from '@hexabase/kernel/conditions.ts';
import { findCondition } from '@hexabase/kernel/conditions.ts';
import type { Step } from '@hexabase/reconcile/reconciler.ts';
import type { SleepReason } from '../store.ts';
import { hostConditions } from './probe.ts';
import type { WorkspaceSubject } from './store.ts';
import { clockOf, controlPlane, ensureTenant, tenantThing, type TenantDeps } from './tenant.ts';

const asleepPollMs = 500;

const reasons: Record<SleepReason, { reason: string; message: string }> = {
  asked: { reason: 'Asked', message: 'Somebody put it to sleep' },
  schedule: { reason: 'Schedule', message: 'Its schedule says so' },
  idle: { reason: 'Idle', message: 'Nobody has used it for a while' },
  deletion: { reason: 'Deletion', message: 'It will be deleted' },
};

/** From here on requests wait for it to wake instead of failing. */
export const beginSleepStep: Step<WorkspaceSubject> = {
  name: 'begin-sleep',
  words: 'Holding new requests',
  timeoutMs: 1_000,
  decide: ({ conditions }) =>
    findCondition(conditions, 'Asleep')?.status === 'True'
      ? { kind: 'done' }
      : { kind: 'done', conditions: [asleep('Unknown', 'FallingAsleep', 'It is falling asleep')] },
};

export function stopTenantStep(deps: TenantDeps): Step<WorkspaceSubject> {
  return {
    name: 'stop-cluster',
    words: 'Stopping everything that runs',
    timeoutMs: 120_000,
    makes: async ({ id }) => [await tenantThing(deps.driver, id)],
    run: async ({ subject, fence, signal }) => {
      return ensureTenant(deps, { subject, fence, signal, asleep: true });
    },
  };
}

export function waitAsleepStep(deps: TenantDeps): Step<WorkspaceSubject> {
  return {
    name: 'wait-asleep',
    words: 'Waiting until nothing runs',
    timeoutMs: 30_000,
    looks: true,
    run: async ({ subject, signal }) => {
      const state = await deps.driver.observeTenant(subject.id, { signal });
      const fromHost = hostConditions(subject, state, clockOf(deps).now());
      if (state.kind === 'present' && state.asleep && state.generation >= subject.generation) {
        const { reason, message } = reasons[subject.sleepReason ?? 'asked'];
        const words = controlPlane('False', 'Asleep', '');
        return { kind: 'done', conditions: [...fromHost, asleep('True', reason, message), words] };
      }
      const said = state.kind === 'present' ? findCondition(state.conditions, 'Asleep')?.message : undefined;
      const condition = asleep('Unknown', 'FallingAsleep', said ?? 'It is falling asleep');
      return { kind: 'wait', requeueAfterMs: asleepPollMs, condition, conditions: fromHost };
    },
  };
}

export function asleep(status: ConditionInput['status'], reason: string, message: string): ConditionInput {
  return { type: 'Asleep', status, reason, message };
}
