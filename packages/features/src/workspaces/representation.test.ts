import type { Condition } from '@hexabase/kernel/conditions.ts';
import { expect, it } from 'vitest';
import { conditionsOf } from './representation.ts';

function condition(type: string): Condition {
  const lastTransitionTime = '2026-11-23T12:00:00Z';
  return { type, status: 'False', reason: 'R', message: 'm', observedGeneration: 1, lastTransitionTime };
}

it('what runs in a workspace is told only while its API answers', () => {
  const row = {
    conditions: [condition('ControlPlaneReady'), condition('WorkloadsRunning')],
    access_conditions: [condition('AccessMirrored')],
    generation: 1,
    observed_generation: 1,
  };
  const told = (phase: 'active' | 'degraded' | 'asleep' | 'deleting') =>
    conditionsOf({ ...row, phase }).map(({ type }) => type);
  expect(told('active')).toEqual(['ControlPlaneReady', 'WorkloadsRunning', 'AccessMirrored']);
  expect(told('degraded')).toEqual(told('active'));
  expect(told('asleep')).toEqual(['ControlPlaneReady']);
  expect(told('deleting')).toEqual(['ControlPlaneReady']);
});
