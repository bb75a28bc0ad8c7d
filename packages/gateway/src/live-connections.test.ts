import { fixedClock } from '@hexabase/kernel/clock.ts';
import { describe, expect, it } from 'vitest';
import { liveConnections, type LiveConnection } from './live-connections.ts';

function connection(change: Partial<LiveConnection> = {}) {
  let ended = false;
  const live: LiveConnection = {
    userId: 'ada',
    sessionId: 'session',
    workspaceId: 'workspace',
    organizationId: 'organization',
    epoch: 1,
    expiresAtMs: 900_000,
    longRunning: true,
    end: () => {
      ended = true;
    },
    ...change,
  };
  return { live, ended: () => ended };
}

describe('live connections', () => {
  it('end when their token expires, and not before', async () => {
    const clock = fixedClock(0);
    using connections = liveConnections(clock);
    const finished = new Promise<void>((resolve) =>
      connections.add(connection({ expiresAtMs: 60_000, end: resolve }).live),
    );
    const longer = connection({ expiresAtMs: 120_000 });
    connections.add(longer.live);
    clock.advance(60_000);
    await finished;
    expect(longer.ended()).toBe(false);
  });

  it('end when the session ended, the epoch passed, a second factor lacks or nobody can tell, and stay otherwise', async () => {
    using connections = liveConnections(fixedClock(0));
    const names = ['stays', 'ended', 'passed', 'withheld', 'unknown'];
    const all = names.map((sessionId) => connection({ sessionId }));
    for (const { live } of all) connections.add(live);
    await connections.recheck('ada', async ({ sessionId }) => {
      if (sessionId === 'unknown') throw new Error('the database is away');
      if (sessionId === 'ended') return null;
      const withheld = [sessionId === 'withheld' ? 'organization' : 'another'];
      return { epoch: sessionId === 'passed' ? 2 : 1, withheld };
    });
    expect(all.map((one) => one.ended())).toEqual([false, true, true, true, true]);
  });

  it('of other users are looked at only when any may have changed', async () => {
    using connections = liveConnections(fixedClock(0));
    const other = connection({ userId: 'bob' });
    connections.add(other.live);
    await connections.recheck('ada', async () => null);
    expect(other.ended()).toBe(false);
    await connections.recheck('', async () => null);
    expect(other.ended()).toBe(true);
  });

  it('are counted per workspace and kind, and not twice when they go', () => {
    using connections = liveConnections(fixedClock(0));
    const long = connection().live;
    const short = connection({ longRunning: false }).live;
    connections.add(long);
    connections.add(short);
    expect(connections.count('workspace')).toEqual({ short: 1, long: 1 });
    connections.remove(long);
    connections.remove(long);
    expect(connections.count('workspace')).toEqual({ short: 1, long: 0 });
    expect(connections.total()).toBe(1);
  });
});
