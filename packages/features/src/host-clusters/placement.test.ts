import { describe, expect, it } from 'vitest';
import {
  placeWorkspace,
  whyNoLargerPlan,
  workspacesThatFit,
  type HostRoom,
  type PlacementRequest,
} from './placement.ts';

const builtInRegion = 'local';
const small: PlacementRequest = {
  region: null,
  isolation: 'shared',
  size: { cpuMilli: 2_000, memoryMib: 4_096 },
};

function host(name: string, change: Partial<HostRoom> = {}): HostRoom {
  return {
    id: `id-${name}`,
    name,
    region: 'eu',
    state: 'active',
    ready: 'True',
    dedicatedNodes: false,
    limits: { workspaces: 10, cpuMilli: null, memoryMib: null },
    used: { workspaces: 0, cpuMilli: 0, memoryMib: 0 },
    ...change,
  };
}

function placed(request: Partial<PlacementRequest>, ...hosts: HostRoom[]): string {
  const found = placeWorkspace({ ...small, ...request }, { hosts, builtInRegion });
  return found.kind === 'host' ? found.host.name : found.kind === 'built-in' ? 'built-in' : found.code;
}

describe('where a workspace runs', () => {
  it('is the built-in driver in its one region while there are no host clusters', () => {
    expect(placed({})).toBe('built-in');
    expect(placed({ region: 'local' })).toBe('built-in');
    expect(placed({ region: 'eu' })).toBe('unknown_region');
  });

  it('is never the built-in driver once there are host clusters', () => {
    expect(placed({}, host('a'))).toBe('a');
    expect(placed({ region: 'local' }, host('a'))).toBe('unknown_region');
    expect(placed({}, host('a', { state: 'cordoned' }))).toBe('no_capacity');
  });

  it('is in the region that was asked for, else in that of the first host cluster', () => {
    const hosts = [host('a', { region: 'us' }), host('b')];
    expect(placed({ region: 'eu' }, ...hosts)).toBe('b');
    expect(placed({}, ...hosts)).toBe('a');
    expect(placed({ region: 'mars' }, ...hosts)).toBe('unknown_region');
  });

  it('is refused with the regions that there are, where there is none of that name', () => {
    const why = (...hosts: HostRoom[]): unknown =>
      Object(placeWorkspace({ ...small, region: 'mars' }, { hosts, builtInRegion })).message;
    expect(why()).toBe('There is no region mars; there is local.');
    expect(why(host('a', { region: 'us' }), host('b'))).toBe('There is no region mars; there are eu, us.');
  });

  it('is no host that is cordoned, draining or known to be broken; one that nobody could ask may do', () => {
    expect(placed({}, host('a', { state: 'cordoned' }), host('b'))).toBe('b');
    expect(placed({}, host('a', { state: 'draining' }), host('b'))).toBe('b');
    expect(placed({}, host('a', { ready: 'False' }), host('b'))).toBe('b');
    expect(placed({}, host('a', { ready: 'Unknown' }))).toBe('a');
    const busy = host('b', { used: { workspaces: 9, cpuMilli: 0, memoryMib: 0 } });
    expect(placed({}, host('a', { ready: 'Unknown' }), busy)).toBe('b');
  });

  it('has nodes of its own when the workspace is dedicated', () => {
    const dedicated = host('b', { dedicatedNodes: true });
    expect(placed({ isolation: 'dedicated' }, host('a'), dedicated)).toBe('b');
    expect(placed({ isolation: 'dedicated' }, host('a'))).toBe('no_capacity');
  });

  it('never goes beyond a limit, of places, CPU or memory', () => {
    const used = { workspaces: 3, cpuMilli: 6_000, memoryMib: 12_288 };
    const full = (limits: Partial<HostRoom['limits']>) =>
      host('a', { used, limits: { workspaces: null, cpuMilli: null, memoryMib: null, ...limits } });
    expect(placed({}, full({ workspaces: 3 }))).toBe('no_capacity');
    expect(placed({}, full({ workspaces: 4 }))).toBe('a');
    expect(placed({}, full({ cpuMilli: 7_999 }))).toBe('no_capacity');
    expect(placed({}, full({ cpuMilli: 8_000 }))).toBe('a');
    expect(placed({}, full({ memoryMib: 16_383 }))).toBe('no_capacity');
    expect(placed({}, full({ memoryMib: 16_384 }))).toBe('a');
    expect(placed({}, full({}))).toBe('a');
  });

  it('spreads by share of the limit, whatever the order of the hosts', () => {
    const half = host('a', { used: { workspaces: 5, cpuMilli: 0, memoryMib: 0 } });
    const third = host('b', {
      limits: { workspaces: 30, cpuMilli: null, memoryMib: null },
      used: { workspaces: 10, cpuMilli: 0, memoryMib: 0 },
    });
    expect(placed({}, half, third)).toBe('b');
    expect(placed({}, third, half)).toBe('b');
    expect(placed({}, host('z'), host('y'))).toBe('y');
  });

  it('refuses with the regions that have room, and without a word about single hosts', () => {
    const hosts = [host('secret-name', { state: 'draining' }), host('b', { region: 'us' })];
    const found = placeWorkspace({ ...small, region: 'eu' }, { hosts, builtInRegion });
    expect(found).toMatchObject({ kind: 'refused', details: { region: 'eu', regionsWithRoom: ['us'] } });
    expect(JSON.stringify(found)).not.toContain('secret-name');
  });

  it('is refused for lack of room only where that is what is lacking', () => {
    const full = host('a', { limits: { workspaces: 0, cpuMilli: null, memoryMib: null } });
    const [broken, closed] = [host('secret-b', { ready: 'False' }), host('secret-c', { state: 'cordoned' })];
    const why = (request: Partial<PlacementRequest>, ...hosts: HostRoom[]): unknown =>
      Object(placeWorkspace({ ...small, ...request }, { hosts, builtInRegion })).message;
    const notReady =
      'No host cluster in region eu can take workspaces at the moment. An operator finds out why with `hexabase-cli host check NAME`.';
    expect(why({}, broken)).toBe(notReady);
    expect(why({}, broken, closed)).toBe(notReady);
    expect(why({ isolation: 'dedicated' }, { ...broken, dedicatedNodes: true }, host('a'))).toBe(
      notReady.replace('workspaces', 'dedicated workspaces'),
    );
    expect(why({}, closed)).toBe(
      'No host cluster in region eu is open to new workspaces at the moment. An operator opens one with `hks host-cluster uncordon NAME`.',
    );
    expect(why({}, full, broken, closed)).toContain('has room for a workspace of 2 CPU');
    expect(why({ isolation: 'dedicated' }, closed, host('a'))).toContain(
      'has nodes for dedicated workspaces',
    );
    expect(placeWorkspace(small, { hosts: [full], builtInRegion })).toMatchObject({
      details: { regionsWithRoom: [] },
    });
    expect(placeWorkspace(small, { hosts: [broken], builtInRegion })).toMatchObject({
      details: { region: 'eu' },
    });
    expect(JSON.stringify(placeWorkspace(small, { hosts: [broken, closed], builtInRegion }))).not.toMatch(
      /secret|regionsWithRoom/,
    );
    expect(why({ region: 'eu' }, broken, host('d', { region: 'us' }))).toBe(
      `${notReady} There is room in us.`,
    );
    // Where nobody may go there is no room.
    expect(why({ region: 'eu' }, broken, { ...full, region: 'us' }, { ...closed, region: 'asia' })).toBe(
      notReady,
    );
    // Who closed it knows why, and opens it first: whether it is in order is seen then.
    expect(why({}, { ...broken, state: 'cordoned' })).toContain('is open to new workspaces');
  });

  it('is bounded by what the nodes carry when nobody set a limit', () => {
    expect(workspacesThatFit(null)).toBeNull();
    expect(workspacesThatFit({ memoryMib: 24_576, pods: 110 })).toBe(48);
    expect(workspacesThatFit({ memoryMib: 240_576, pods: 110 })).toBe(55);
  });
});

describe('a larger plan on a host cluster', () => {
  const before = { cpuMilli: 2_000, memoryMib: 4_096 };
  const after = { cpuMilli: 8_000, memoryMib: 16_384 };
  const used = { workspaces: 2, cpuMilli: 4_000, memoryMib: 8_192 };

  it('fits while the limits hold the difference, and always where nobody set any', () => {
    expect(whyNoLargerPlan(host('a', { used }), { before, after })).toBeNull();
    const limits = { workspaces: 2, cpuMilli: 10_000, memoryMib: 20_480 };
    expect(whyNoLargerPlan(host('a', { used, limits }), { before, after })).toBeNull();
  });

  it('is refused with what is lacking, as a place for a new workspace is', () => {
    const limits = { workspaces: 10, cpuMilli: 9_999, memoryMib: 20_479 };
    expect(whyNoLargerPlan(host('a', { used, limits }), { before, after })).toBe(
      '6 CPU and 12 GiB of memory more than now',
    );
    const full = host('a', { used, limits: { ...limits, memoryMib: null, cpuMilli: 5_000 } });
    expect(placeWorkspace(small, { hosts: [full], builtInRegion })).toMatchObject({
      kind: 'refused',
      message: 'No host cluster in region eu has room for a workspace of 2 CPU and 4 GiB of memory now.',
    });
  });

  it('never keeps a workspace from becoming smaller, however full the host is', () => {
    const limits = { workspaces: 1, cpuMilli: 1, memoryMib: 1 };
    expect(whyNoLargerPlan(host('a', { used, limits }), { before: after, after: before })).toBeNull();
  });
});
