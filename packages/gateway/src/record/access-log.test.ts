import { silentLogger } from '@hexabase/kernel/log.ts';
import { describe, expect, it } from 'vitest';
import { accessLog, type AccessEntry } from './access-log.ts';

function entry(change: Partial<AccessEntry> = {}): AccessEntry {
  return {
    organizationId: 'acme',
    workspaceId: 'w',
    grantId: null,
    actorId: 'ada',
    actorEmail: 'ada@example.test',
    action: 'kube:list',
    target: 'workspaces/w/api/v1/pods',
    outcome: 'allowed',
    requestId: 'r',
    address: '192.0.2.1',
    agent: null,
    atMs: 0,
    details: { status: 200 },
    ...change,
  };
}

describe('the access log', () => {
  it('writes everything that waits when it is closed', async () => {
    const written: AccessEntry[] = [];
    const log = accessLog({ write: async (entries) => void written.push(...entries) }, silentLogger);
    for (let index = 0; index < 5_000; index++)
      log.record(entry({ requestId: String(index) }), { combine: false });
    await log[Symbol.asyncDispose]();
    expect(written.map((one) => one.requestId)).toEqual(
      Array.from({ length: 5_000 }, (_, index) => String(index)),
    );
  });

  it('keeps entries that could not be written, in order, and writes them later', async () => {
    const written: string[] = [];
    let failures = 2;
    const log = accessLog(
      {
        async write(entries) {
          if (failures-- > 0) throw new Error('the database is away');
          written.push(...entries.map((one) => one.requestId));
        },
      },
      silentLogger,
    );
    const seen = new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        if (written.length < 2) return;
        clearInterval(timer);
        resolve();
      }, 20);
    });
    log.record(entry({ requestId: 'first' }), { combine: false });
    log.record(entry({ requestId: 'second' }), { combine: false });
    await seen;
    expect(written).toEqual(['first', 'second']);
    await log[Symbol.asyncDispose]();
  });

  it('counts reads alike, and keeps different people, targets and outcomes apart', async () => {
    const written: AccessEntry[] = [];
    const log = accessLog({ write: async (entries) => void written.push(...entries) }, silentLogger);
    for (const change of [
      {},
      {},
      {},
      { actorId: 'bob' },
      { target: 'workspaces/w/version' },
      { details: { status: 403 } },
    ]) {
      log.record(entry({ ...change, ...(change.details ? {} : { details: { status: 200 } }) }), {
        combine: true,
      });
    }
    await log[Symbol.asyncDispose]();
    expect(written.map((one) => one.details.count ?? 1)).toEqual([3, 1, 1, 1]);
  });

  it('writes one batch at a time, whatever comes meanwhile, and is closed only when all is written', async () => {
    const gate = Promise.withResolvers<void>();
    const written: string[] = [];
    let atOnce = 0;
    let most = 0;
    const log = accessLog(
      {
        async write(entries) {
          most = Math.max(most, (atOnce += 1));
          await gate.promise;
          atOnce -= 1;
          written.push(...entries.map((one) => one.requestId));
        },
      },
      silentLogger,
    );
    for (let index = 0; index < 3_000; index++)
      log.record(entry({ requestId: String(index) }), { combine: false });
    await expect.poll(() => atOnce).toBe(1);
    log.record(entry({ requestId: 'last' }), { combine: false });
    const closed = log[Symbol.asyncDispose]();
    gate.resolve();
    await closed;
    expect(most).toBe(1);
    expect(written).toHaveLength(3_001);
    expect(written.at(-1)).toBe('last');
  });

  it('waits for a database that is away when it is closed, and says how many are lost when it stays away', async () => {
    const lost: Record<string, unknown>[] = [];
    const logger = { ...silentLogger, error: (fields: Record<string, unknown>) => void lost.push(fields) };
    const written: string[] = [];
    let failures = 3;
    const back = accessLog(
      {
        async write(entries) {
          if (failures-- > 0) throw new Error('the database is away');
          written.push(...entries.map((one) => one.requestId));
        },
      },
      silentLogger,
    );
    back.record(entry({ requestId: 'kept' }), { combine: false });
    await back[Symbol.asyncDispose]();
    expect(written).toEqual(['kept']);
    const away = { write: () => Promise.reject(new Error('the database is away')) };
    const gone = accessLog(away, logger, { giveUpMs: 50 });
    for (const _ of [1, 2]) gone.record(entry(), { combine: false });
    await gone[Symbol.asyncDispose]();
    expect(lost.at(-1)).toEqual({ entries: 2, refused: 0 });
  });
});

describe('while too much waits to be written', () => {
  const asked = (organizationId: string) => ({ organizationId, workspaceId: 'w', atMs: 7 });

  it('the organization that it is of is refused first, then all; each is told once how many were', async () => {
    const gate = Promise.withResolvers<void>();
    const written: AccessEntry[] = [];
    const log = accessLog(
      { write: async (entries) => (await gate.promise, void written.push(...entries)) },
      silentLogger,
    );
    for (let index = 0; index < 5_000; index++) log.record(entry(), { combine: false });
    expect(log.admits(asked('acme'))).toBe(false);
    expect(log.admits(asked('acme'))).toBe(false);
    expect(log.admits(asked('other'))).toBe(true);
    for (const organizationId of ['b', 'c', 'd'])
      for (let index = 0; index < 5_000; index++) log.record(entry({ organizationId }), { combine: false });
    expect(log.admits(asked('other'))).toBe(false);
    gate.resolve();
    await log[Symbol.asyncDispose]();
    expect(written).toHaveLength(20_002);
    expect(written.filter(({ action }) => action === 'kube:refused')).toMatchObject([
      { organizationId: 'acme', workspaceId: 'w', details: { status: 503, count: 2 } },
      { organizationId: 'other', actorId: null, atMs: 7, details: { status: 503, count: 1 } },
    ]);
  });

  it('long entries fill it sooner', async () => {
    const log = accessLog({ write: async () => undefined }, silentLogger);
    const target = 'a'.repeat(1_024);
    let kept = 0;
    for (; log.admits(asked('acme')); kept += 1) log.record(entry({ target }), { combine: false });
    expect(kept).toBeLessThan(2_000);
    await log[Symbol.asyncDispose]();
    expect(log.admits(asked('acme'))).toBe(true);
  });
});
