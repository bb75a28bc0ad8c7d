import type { TenantState } from '@hexabase/cluster/port.ts';
import type { Condition, ConditionInput } from '@hexabase/kernel/conditions.ts';
import { expect, it } from 'vitest';
import { derivePhase } from '../phase.ts';
import { hostConditions } from './probe.ts';

const nowMs = Date.parse('2026-11-23T12:00:00Z');
const inTrouble: ConditionInput = {
  type: 'WorkloadsRunning',
  status: 'False',
  reason: 'InTrouble',
  message: 'An image cannot be had for 1 pod.',
};

function asWritten(one: ConditionInput): Condition {
  return { ...one, observedGeneration: 1, lastTransitionTime: '2026-11-23T11:00:00Z' };
}

function present(rest: Partial<Extract<TenantState, { kind: 'present' }>>): TenantState {
  const empty = { uid: 'u', generation: 1, asleep: false, kubernetesVersion: 'v1.36.0', conditions: [] };
  return { kind: 'present', ready: true, ...empty, ...rest };
}

function told(state: TenantState, ...conditions: Condition[]): ConditionInput[] {
  return hostConditions({ conditions, observedGeneration: 1 }, state, nowMs);
}

it('pods in trouble are told at once, since the driver leaves out what is young, and take no phase away', () => {
  expect(told(present({ workloads: inTrouble }))).toEqual([inTrouble]);
  const ready = asWritten({ type: 'Ready', status: 'True', reason: 'AllStepsDone', message: '' });
  const conditions = [ready, asWritten(inTrouble)];
  const input = { conditions, generation: 1, observedGeneration: 1, deletionRequested: false };
  expect(derivePhase(input)).toBe('active');
});

it('what nobody looks at any more is unknown, not over; and where nobody ever looked nothing is told', () => {
  const unknown = { type: 'WorkloadsRunning', status: 'Unknown', reason: 'NotLookedAt', message: '' };
  expect(told(present({ ready: false }), asWritten(inTrouble))).toEqual([unknown]);
  expect(told({ kind: 'absent' }, asWritten(inTrouble))).toEqual([unknown]);
  expect(told(present({}))).toEqual([]);
});

it('a driver that tells it as a condition of the tenant itself is not believed', () => {
  expect(told(present({ conditions: [inTrouble] }))).toEqual([]);
});
