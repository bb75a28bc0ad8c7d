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
    place: new DisposableStack(),
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

  it('C13 of one session are asked about once, however many they are and however often it is revoked', async () => {
    using connections = liveConnections(fixedClock(0));
    for (let index = 0; index < 3_000; index += 1)
      connections.add(connection({ workspaceId: index % 2 === 0 ? 'one' : 'other' }).live);
    const gate = Promise.withResolvers<void>();
    const asked: string[] = [];
    const ask = async ({ workspaceId }: LiveConnection) => {
      asked.push(workspaceId);
      await gate.promise;
      return { epoch: 1, withheld: [] };
    };
    const looks = Array.from({ length: 20 }, () => connections.recheck('ada', ask));
    gate.resolve();
    await Promise.all(looks);
    // One look, and one for all nineteen who came while it looked.
    expect(asked).toEqual(['one', 'other', 'one', 'other']);
    await connections.recheck('ada', ask);
    expect(asked).toHaveLength(6);
  });

  it('are asked about a few at a time, and the last of them ends too', async () => {
    using connections = liveConnections(fixedClock(0));
    const all = Array.from({ length: 100 }, (_, index) => connection({ sessionId: String(index) }));
    for (const { live } of all) connections.add(live);
    let atOnce = 0;
    let most = 0;
    await connections.recheck('', async () => {
      most = Math.max(most, (atOnce += 1));
      await Promise.resolve();
      atOnce -= 1;
      return null;
    });
    expect(most).toBe(8);
    expect(all.every((one) => one.ended())).toBe(true);
  });

  it('are looked at again for who was revoked while somebody looked', async () => {
    using connections = liveConnections(fixedClock(0));
    const leaver = connection();
    connections.add(leaver.live);
    const gate = Promise.withResolvers<void>();
    const before = connections.recheck('ada', async () => (await gate.promise, { epoch: 1, withheld: [] }));
    const after = connections.recheck('ada', async () => null);
    gate.resolve();
    await before;
    await after;
    expect(leaver.ended()).toBe(true);
  });

  it('give back their place when they go, and once', () => {
    using connections = liveConnections(fixedClock(0));
    let given = 0;
    const one = connection({ place: { [Symbol.dispose]: () => void (given += 1) } }).live;
    const other = connection({ workspaceId: 'another' }).live;
    connections.add(one);
    connections.add(other);
    expect([...connections.workspaces()]).toEqual(['workspace', 'another']);
    connections.remove(one);
    connections.remove(one);
    expect([given, connections.total(), ...connections.workspaces()]).toEqual([1, 1, 'another']);
  });
});
