import { expect, test } from 'vitest';
import { findCondition, type Condition } from '@hexabase/kernel/conditions.ts';
import { goneOn, startedAfresh } from './fresh-start.ts';

const before = '2026-11-22T10:00:00.000Z';
const since = '2026-11-22T11:00:00.000Z';

function condition(type: string, status: Condition['status'], message = ''): Condition {
  return { type, status, reason: 'X', message, observedGeneration: 2, lastTransitionTime: before };
}

const given = {
  conditions: [
    condition('Upgraded', 'False', 'no helm'),
    condition('Running', 'False', 'it crashes'),
    condition('Synced', 'False', 'no helm'),
    condition('Stalled', 'True', 'no helm'),
    condition('Ready', 'False', 'no helm'),
  ],
  generation: 3,
  observedGeneration: 1,
};

test('a newer generation begins without the failures of the one before, and with all else that is known', () => {
  const begun = startedAfresh(given, since);
  const over = { reason: 'Retrying', observedGeneration: 3, lastTransitionTime: since };
  expect(begun.slice(0, 2)).toEqual(given.conditions.slice(0, 2));
  expect(findCondition(begun, 'Stalled')).toMatchObject({ ...over, status: 'False', message: '' });
  for (const type of ['Synced', 'Ready'])
    expect(findCondition(begun, type)).toMatchObject({ ...over, status: 'Unknown' });
  expect(startedAfresh({ ...given, conditions: begun }, '2026-11-22T12:00:00.000Z')).toEqual(begun);
});

test('of what has never worked, everything that told the failure is decided again', () => {
  expect(startedAfresh({ ...given, observedGeneration: 0 }, since)[0]).toMatchObject({
    status: 'Unknown',
    reason: 'Retrying',
  });
});

test('a failure of this generation stands, and a Ready that tells something else', () => {
  expect(startedAfresh({ ...given, generation: 2 }, since)).toEqual(given.conditions);
  const asleep = condition('Ready', 'False', 'The workspace sleeps');
  const begun = startedAfresh(
    { ...given, conditions: [condition('Stalled', 'True', 'no helm'), asleep] },
    since,
  );
  expect(begun[1]).toEqual(asleep);
});

test('when it has gone on, the failure is over with all that told of it; what was waited for too long is not', () => {
  const laterMs = Date.parse(since);
  const on = goneOn(given, given.conditions, laterMs);
  expect(on.slice(0, 2)).toEqual(given.conditions.slice(0, 2));
  const over = { reason: 'Retrying', lastTransitionTime: since };
  expect(findCondition(on, 'Stalled')).toMatchObject({ ...over, status: 'False', message: '' });
  for (const type of ['Synced', 'Ready'])
    expect(findCondition(on, type)).toMatchObject({ ...over, status: 'Unknown' });
  expect(goneOn(given, on, laterMs + 1)).toEqual(on);
  const late = [
    condition('Lit', 'False', 'it warms up'),
    condition('Stalled', 'True', 'it warms up'),
    condition('Synced', 'True'),
    condition('Ready', 'False', 'it warms up'),
  ];
  expect(goneOn(given, late, laterMs)).toEqual(late);
});
