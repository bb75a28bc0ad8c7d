import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Alarm } from './alarm.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function alarmOf(msMax: number): { alarm: Alarm; rings: number[] } {
  const rings: number[] = [];
  const startMs = performance.now();
  return { alarm: new Alarm(msMax, () => void rings.push(performance.now() - startMs)), rings };
}

test('an alarm rings at each time that was asked for', () => {
  const { alarm, rings } = alarmOf(5_000);
  alarm.ringIn(3_000);
  alarm.ringIn(1_000);
  vi.advanceTimersByTime(10_000);
  expect(rings.map((ms) => Math.round(ms / 1_000))).toEqual([1, 3]);
});

test('a time that is far away is looked at after the longest pause', () => {
  const { alarm, rings } = alarmOf(5_000);
  alarm.ringIn(480_000);
  vi.advanceTimersByTime(6_000);
  expect(rings).toHaveLength(1);
});

test('a far time that was asked for first does not put off the next look', () => {
  const { alarm, rings } = alarmOf(5_000);
  alarm.ringIn(480_000);
  alarm.ringIn(5_000);
  vi.advanceTimersByTime(6_000);
  expect(rings).toHaveLength(1);
});

test('an alarm that is off never rings', () => {
  const { alarm, rings } = alarmOf(5_000);
  alarm.ringIn(1_000);
  alarm[Symbol.dispose]();
  alarm.ringIn(1_000);
  vi.advanceTimersByTime(10_000);
  expect(rings).toEqual([]);
});
