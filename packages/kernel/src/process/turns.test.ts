import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isAppError } from '../errors.ts';
import { createTurns, type Share } from './turns.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const ann: Share[] = [{ key: 'ann', most: 2 }];
const eve: Share[] = [{ key: 'eve', most: 2 }];
const all: Share = { key: 'all', most: 3 };

describe('turns', () => {
  it('keep whoever has all of their share waiting, and nobody else', async () => {
    const turns = createTurns();
    const held = [await turns.take(eve), await turns.take(eve)];
    const told: string[] = [];
    const third = turns.take(eve).then(() => told.push('eve'));
    await turns.take(ann);
    expect(turns.tryTake(eve)).toBeNull();
    expect(told).toEqual([]);
    held[0]?.[Symbol.dispose]();
    await third;
    expect(told).toEqual(['eve']);
    expect(turns.tryTake(eve)).toBeNull();
  });

  it('come in the order in which they were asked for, also where two shares are lacking one after the other', async () => {
    const turns = createTurns();
    const [one, two] = [await turns.take([...eve, all]), await turns.take([...eve, all])];
    const other = await turns.take([...ann, all]);
    const told: string[] = [];
    const waiting = [
      turns.take([...eve, all]).then(() => told.push('first')),
      turns.take([...eve, all]).then(() => told.push('second')),
    ];
    const annAgain = turns.take([...ann, all]).then(() => told.push('ann'));
    one[Symbol.dispose]();
    await vi.advanceTimersByTimeAsync(0);
    other[Symbol.dispose]();
    await vi.advanceTimersByTimeAsync(0);
    two[Symbol.dispose]();
    await Promise.all([...waiting, annAgain]);
    expect(told.indexOf('first')).toBeLessThan(told.indexOf('second'));
    expect(told).toHaveLength(3);
  });

  it('are given back once, whoever disposes twice', async () => {
    const turns = createTurns();
    const [one] = [await turns.take(eve), await turns.take(eve)];
    one?.[Symbol.dispose]();
    one?.[Symbol.dispose]();
    expect(turns.tryTake(eve)).not.toBeNull();
    expect(turns.tryTake(eve)).toBeNull();
  });

  it('are refused after five seconds with the time to come again, and take nothing afterwards', async () => {
    const turns = createTurns();
    const held = [await turns.take(eve), await turns.take(eve)];
    const late = turns.take(eve).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(5_000);
    const error = await late;
    expect(isAppError(error, 'rate_limited') && error.details).toEqual({ retryAfterSeconds: 2 });
    held.forEach((turn) => turn[Symbol.dispose]());
    expect([turns.tryTake(eve), turns.tryTake(eve)]).not.toContain(null);
  });

  it('go to those who waited for others before those who waited for themselves', async () => {
    const turns = createTurns();
    const one = await turns.take([...eve, all]);
    const more = [await turns.take([...eve, all]), await turns.take([...ann, all])];
    const told: string[] = [];
    const waiting = [
      turns.take([...eve, all]).then(() => told.push('eve')),
      turns.take([...ann, all]).then(() => told.push('ann')),
    ];
    one[Symbol.dispose]();
    await vi.advanceTimersByTimeAsync(0);
    expect(told).toEqual(['ann']);
    more.forEach((turn) => turn[Symbol.dispose]());
    await Promise.all(waiting);
  });

  it('are refused at once where as many wait as may, and nobody else is on that account', async () => {
    const turns = createTurns();
    const short: Share[] = [{ key: 'short', most: 1, waiting: 1 }, all];
    const held = await turns.take(short);
    const second = turns.take(short);
    await expect(turns.take(short)).rejects.toMatchObject({ code: 'rate_limited' });
    expect(turns.tryTake([...ann, all])).not.toBeNull();
    held[Symbol.dispose]();
    (await second)[Symbol.dispose]();
    expect(turns.tryTake(short)).not.toBeNull();
  });
});
