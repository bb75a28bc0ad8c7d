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

  it('says when too much waits, so that requests are refused rather than go unrecorded', async () => {
    const log = accessLog({ write: () => Promise.reject(new Error('the database is away')) }, silentLogger);
    expect(log.overloaded()).toBe(false);
    for (let index = 0; index <= 20_000; index++) log.record(entry(), { combine: false });
    expect(log.overloaded()).toBe(true);
    await log[Symbol.asyncDispose]();
  });
});
