import { brandId } from '@hexabase/kernel/id.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Change } from '../event-stream.ts';
import { shareChanges } from './shared-changes.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const changeOf = (organization: string, id: string): Change => ({
  noun: 'workspace',
  organizationId: brandId(organization),
  id,
});

/** A feed whose readings are counted; of what they answer, the newest state. */
function feed(read: (change: Change) => Promise<unknown> = async ({ id }) => ({ id })) {
  const listeners = new Set<(change: Change | null) => void>();
  const reads: string[] = [];
  const changes = {
    subscribe(listener: (change: Change | null) => void) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    onRevocation: () => ({ [Symbol.dispose]: () => {} }),
    read: (change: Change) => {
      reads.push(change.id);
      return read(change);
    },
  };
  const shared = shareChanges({ changes, log: silentLogger });
  const join = (organization: string, mayHear = () => true) => {
    const told: string[] = [];
    const listening = shared.join({ mayHear, tell: (event) => void told.push(event) });
    listening.hear([organization]);
    return { told, listening };
  };
  const announce = (change: Change | null) => listeners.forEach((listener) => listener(change));
  return { join, announce, reads };
}

describe('a change', () => {
  it('is read once, however many streams are told of it', async () => {
    const { join, announce, reads } = feed();
    const streams = Array.from({ length: 500 }, () => join('a'));
    announce(changeOf('a', 'w1'));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(reads).toEqual(['w1']);
    expect(streams.map(({ told }) => told.length)).toEqual(streams.map(() => 1));
  });

  it('that comes many times while streams are told is told a few times, the last time with the last state', async () => {
    let state = 0;
    const { join, announce, reads } = feed(async () => ({ state }));
    const streams = Array.from({ length: 1_000 }, () => join('a'));
    for (state = 1; state <= 100; state += 1) {
      announce(changeOf('a', 'w1'));
      await vi.advanceTimersByTimeAsync(10);
    }
    state = 100;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(reads.length).toBeLessThan(10);
    expect(streams[0]?.told.at(-1)).toContain('"state":100');
  });

  it('of a noisy organization is not waited for by others', async () => {
    const { join, announce, reads } = feed();
    Array.from({ length: 1_000 }, () => join('noisy'));
    const quiet = join('quiet');
    for (let n = 0; n < 50; n += 1) announce(changeOf('noisy', `w${n}`));
    announce(changeOf('quiet', 'q'));
    await vi.advanceTimersByTimeAsync(10);
    expect(quiet.told).toHaveLength(1);
    expect(reads.length).toBeLessThan(5);
  });

  it('is told to nobody who may not hear of it by the time it was read', async () => {
    const may = { hear: true };
    const { join, announce } = feed(async () => {
      may.hear = false;
      return { secret: true };
    });
    const { told } = join('a', () => may.hear);
    announce(changeOf('a', 'w1'));
    await vi.advanceTimersByTimeAsync(100);
    expect(told).toEqual([]);
  });

  it('that cannot be read, or was one of too many, makes streams look again', async () => {
    const broken = feed(() => Promise.reject(new Error('away')));
    const { told } = broken.join('a');
    broken.announce(changeOf('a', 'w1'));
    await vi.advanceTimersByTimeAsync(100);
    expect(told).toEqual(['event: sync\ndata: {}\n\n']);
    const flooded = feed();
    const stream = flooded.join('a');
    for (let n = 0; n < 3_000; n += 1) flooded.announce(changeOf('a', `w${n}`));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(stream.told).toContain('event: sync\ndata: {}\n\n');
    expect(flooded.reads.length).toBeLessThan(2_000);
  });

  it('is not read for an organization of which nobody hears any more', async () => {
    const { join, announce, reads } = feed();
    join('a').listening[Symbol.dispose]();
    announce(changeOf('a', 'w1'));
    await vi.advanceTimersByTimeAsync(100);
    expect(reads).toEqual([]);
  });
});
