import { expect, test } from 'vitest';
import { dueTurn, nextTurn, scheduleProblems } from './schedule.ts';

const office = { sleepAt: '0 20 * * 1-5', wakeAt: '0 7 * * 1-5', timeZone: 'Europe/Berlin' };
const at = (text: string) => Date.parse(text);

test('a schedule acts at the local time of its zone, also when the clocks change', () => {
  // Friday before the change to summer time: 20:00 is 19:00 UTC; the Monday after, 07:00 is 05:00 UTC.
  expect(nextTurn(office, at('2026-03-27T12:00:00Z'))).toEqual({
    atMs: at('2026-03-27T19:00:00Z'),
    turn: 'sleep',
  });
  expect(nextTurn(office, at('2026-03-27T19:00:00Z'))).toEqual({
    atMs: at('2026-03-30T05:00:00Z'),
    turn: 'wake',
  });
});

test('after a long pause only the newest turn that was missed counts', () => {
  const due = at('2026-03-23T19:00:00Z');
  expect(dueTurn(office, due, at('2026-03-24T03:00:00Z'))).toEqual({ atMs: due, turn: 'sleep' });
  expect(dueTurn(office, due, at('2026-03-26T09:00:00Z'))?.turn).toBe('wake');
});

test('the newest turn is found after weeks of turns each minute, without counting through them', () => {
  const busy = { sleepAt: '*/2 * * * *', wakeAt: '1-59/2 0-11 * * *', timeZone: 'America/New_York' };
  const now = at('2026-11-20T03:30:20Z');
  expect(dueTurn(busy, at('2026-03-01T00:00:00Z'), now)).toEqual({
    atMs: at('2026-11-20T03:30:00Z'),
    turn: 'sleep',
  });
  expect(dueTurn(busy, now + 1_000, now)).toBeNull();
});

test('at the same moment waking wins', () => {
  expect(nextTurn({ sleepAt: '0 8 * * *', wakeAt: '0 8 * * *', timeZone: 'UTC' }, 0)?.turn).toBe('wake');
});

test('what no clock ever shows is refused with the field that is wrong', () => {
  const paths = (schedule: Partial<typeof office>) =>
    scheduleProblems({ ...office, ...schedule }).map((problem) => problem.path);
  expect(paths({})).toEqual([]);
  expect(paths({ sleepAt: 'at night' })).toEqual(['sleepAt']);
  expect(paths({ wakeAt: '0 0 31 2 *' })).toEqual(['wakeAt']);
  expect(paths({ wakeAt: '* * * * * *' })).toEqual(['wakeAt']);
  expect(paths({ timeZone: 'Moon/Crater' })).toEqual(['timeZone']);
});
