import { AppError } from '@hexabase/kernel/errors.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { beforeEach, describe, expect, it } from 'vitest';
import { createHold, type Hold } from './hold.ts';
import { defaultLimits, type GatewayLimits } from './limits/shares.ts';

type State = 'asleep' | 'servable' | 'failed' | 'gone';

let state: State;
let isSleepWanted: boolean;
let wakes: string[];
let looks: number;
const forever = new AbortController().signal;
const asker = { userId: 'ada', workspaceId: 'ws', organizationId: 'acme', words: 'ada: list pods' };

beforeEach(() => {
  state = 'asleep';
  isSleepWanted = false;
  wakes = [];
  looks = 0;
});

function holding(limits: Partial<GatewayLimits> = {}, wake?: () => Promise<void>): Hold {
  return createHold({
    access: {
      findWorkspace: async (id) => {
        looks += 1;
        const found = {
          id,
          organizationId: 'acme',
          servable: state === 'servable',
          asleep: state === 'asleep',
          sleepWanted: isSleepWanted,
        };
        return state === 'gone' ? null : found;
      },
    },
    wake: async (id, { userId, words }) => {
      wakes.push(id);
      expect({ userId, words }).toEqual({ userId: 'ada', words: 'ada: list pods' });
      await wake?.();
    },
    log: silentLogger,
    limits: { ...defaultLimits, heldMs: 10_000, ...limits },
  });
}

const settledOf = (promises: Promise<unknown>[]) => Promise.allSettled(promises);

describe('a request to a sleeping workspace', () => {
  it('waits until it is awake, and fifty that come together ask for one wake', async () => {
    const hold = holding();
    const requests = Array.from({ length: 50 }, () => hold.untilAwake(asker, forever));
    await expect.poll(() => looks).toBe(1);
    expect(hold.waiting()).toBe(50);
    state = 'servable';
    hold.changed('ws');
    expect((await Promise.all(requests)).every((workspace) => workspace.servable)).toBe(true);
    expect(wakes).toEqual(['ws']);
    expect(hold.waiting()).toBe(0);
  });

  it('goes on although the news of it got lost', async () => {
    const hold = holding();
    const request = hold.untilAwake(asker, forever);
    await expect.poll(() => wakes.length).toBe(1);
    state = 'servable';
    expect(await request).toMatchObject({ servable: true });
  });

  it('asks again when its workspace is put to sleep while it waits, also for those who come later', async () => {
    const hold = holding();
    const request = hold.untilAwake(asker, forever);
    await expect.poll(() => wakes.length).toBe(1);
    isSleepWanted = false;
    hold.changed('ws');
    await expect.poll(() => looks).toBe(2);
    expect(wakes).toHaveLength(1);
    isSleepWanted = true;
    hold.changed('ws');
    await expect.poll(() => wakes.length, { timeout: 500 }).toBe(2);
    state = 'servable';
    hold.changed('ws');
    expect(await request).toMatchObject({ servable: true });
  });

  it('wakes nobody who is awake already', async () => {
    state = 'servable';
    await holding().untilAwake(asker, forever);
    expect(wakes).toEqual([]);
  });

  it('is told after a while to come again, and the next one asks anew', async () => {
    const hold = holding({ heldMs: 50 });
    const late = { status: 503, retryAfterSeconds: 5, message: expect.stringContaining('being woken up') };
    await expect(hold.untilAwake(asker, forever)).rejects.toMatchObject(late);
    await expect.poll(() => hold.untilAwake(asker, forever).catch(() => wakes.length)).toBe(2);
  });

  it('is told why when its workspace may not be woken, fails or is gone', async () => {
    const refused = holding({}, () =>
      Promise.reject(new AppError('conflict', { message: 'The organization is suspended.' })),
    );
    await expect(refused.untilAwake(asker, forever)).rejects.toThrow('The organization is suspended.');
    const broken = holding({}, () => Promise.reject(new Error('a secret of the database')));
    await expect(broken.untilAwake(asker, forever)).rejects.toThrow('cannot be woken right now');
    for (const [next, status] of [
      ['failed', 503],
      ['gone', 404],
    ] as const) {
      state = 'asleep';
      const hold = holding();
      const request = settledOf([hold.untilAwake(asker, forever)]);
      await expect.poll(() => hold.waiting()).toBe(1);
      state = next;
      hold.changed('');
      expect(await request).toMatchObject([{ status: 'rejected', reason: { status } }]);
    }
  });

  it('is refused when too many wait already', async () => {
    const hold = holding({ held: { ...defaultLimits.held, account: 2 }, heldMs: 100 });
    const all = await settledOf([1, 2, 3].map(() => hold.untilAwake(asker, forever)));
    expect(all[2]).toMatchObject({ reason: { message: expect.stringContaining('too many requests wait') } });
  });

  it('stops waiting when its client goes, and then nobody looks any more', async () => {
    const hold = holding();
    const client = new AbortController();
    const request = settledOf([hold.untilAwake(asker, client.signal)]);
    await expect.poll(() => wakes.length).toBe(1);
    client.abort();
    expect(await request).toMatchObject([{ status: 'rejected' }]);
    await expect.poll(() => looks).toBe(2);
    state = 'servable';
    await hold.untilAwake(asker, forever);
    expect(wakes).toEqual(['ws']);
  });
});
