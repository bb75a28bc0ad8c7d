import { describe, expect, it } from 'vitest';
import { TenantConflictError } from '../../port.ts';
import { refuseJump } from './refuse-jump.ts';

const made = ({ chart = 'vcluster-0.34.0', kubernetes = 'v1.34.4' }) => ({
  metadata: { labels: { chart } },
  spec: {
    template: {
      spec: {
        initContainers: [
          { name: 'other', image: 'registry.example:5000/other:v1.2.3' },
          { name: 'kubernetes', image: `registry.example:5000/kubernetes:${kubernetes}` },
        ],
      },
    },
  },
});

/** Why it may not go from one to the other; null when it may. */
function refusalOf(from: Record<string, unknown>, to: unknown): string | null {
  try {
    refuseJump(from, to);
    return null;
  } catch (error) {
    if (error instanceof TenantConflictError) return error.reason;
    throw error;
  }
}

/** Forth and back. */
function refusals(part: 'chart' | 'kubernetes', [from, to]: readonly [string, string]): (string | null)[] {
  const [before, after] = [made({ [part]: from }), made({ [part]: to })];
  return [refusalOf(before, after), refusalOf(after, before)];
}

describe('a chart', () => {
  it.each([
    ['vcluster-0.34.0', 'vcluster-0.34.7'],
    ['vcluster-0.34.0', 'vcluster-0.35.2'],
    ['vcluster-v0.34.0', 'vcluster-0.35.0'],
    ['vcluster-0.34', 'vcluster-v0.35'],
    ['vcluster-0.34.0-rc.1', 'vcluster-0.35.0-alpha.2'],
    ['vcluster-0.34.0-20261122.1', 'vcluster-0.35.0-20261123.1'],
    ['vcluster-0.34.0_build.7-1.2', 'vcluster-0.35.0_build.8-3.4'],
    ['vcluster-2-0.34.0', 'vcluster-2-0.35.0'],
    ['my-1.2.3-0.34.0', 'my-1.5.0-0.35.0'],
    ['vcluster-0.36.1', 'vcluster-1.0.0'],
  ] as const)('may go from %s to %s and back', (from, to) => {
    expect(refusals('chart', [from, to])).toEqual([null, null]);
  });

  it.each([
    ['vcluster-0.34.0', 'vcluster-0.36.1'],
    ['vcluster-v0.34.0', 'vcluster-v0.36.1'],
    ['vcluster-v0.34.0', 'vcluster-0.36.1'],
    ['vcluster-0.34.0', 'vcluster-v0.36.1'],
    ['vcluster-0.34', 'vcluster-0.36'],
    ['vcluster-0.34.0-rc.1', 'vcluster-0.36.0-alpha.2'],
    ['vcluster-0.34.0-20261122.1', 'vcluster-0.36.0-20261122.1'],
    ['vcluster-0.34.0_build.7', 'vcluster-0.36.0_build.7'],
    ['vcluster-0.34.0-rc.1_build-1.2', 'vcluster-0.36.0-rc.1_build-1.2'],
    ['vcluster-2-0.34.0', 'vcluster-2-0.36.0'],
    ['my-1.2.3-0.34.0', 'my-1.2.3-0.38.0'],
    ['my-1.2.3-0.34', 'my-1.2.3-v0.38'],
    ['vcluster-0.36.1', 'vcluster-1.1.0'],
    ['vcluster-0.36.1', 'vcluster-2.0.0'],
  ] as const)('may neither go from %s to %s nor back', (from, to) => {
    expect(refusals('chart', [from, to])).toEqual(['ChartTooFar', 'ChartTooFar']);
  });

  it.each(['', 'vcluster', 'vcluster-main', 'vcluster-2', 'vcluster-0'])(
    'that bears no version, as %j, is not judged',
    (label) => {
      expect(refusals('chart', [label, 'vcluster-0.36.1'])).toEqual([null, null]);
    },
  );
});

describe('Kubernetes', () => {
  it.each([
    ['v1.34.4', 'v1.34.9'],
    ['v1.34.4', 'v1.35.2'],
    ['1.34.4', 'v1.35.2'],
    ['latest', 'v1.36.0'],
  ] as const)('may go from %s to %s and back', (from, to) => {
    expect(refusals('kubernetes', [from, to])).toEqual([null, null]);
  });

  it('may not go over a minor, and that is what is said when the chart jumps too', () => {
    expect(refusals('kubernetes', ['v1.34.4', 'v1.36.0'])).toEqual(['VersionTooFar', 'VersionTooFar']);
    const far = made({ chart: 'vcluster-0.38.0', kubernetes: 'v1.36.0' });
    expect(refusalOf(made({}), far)).toBe('VersionTooFar');
  });

  it('that nobody finds is not judged', () => {
    expect(refusalOf({}, made({ kubernetes: 'v1.36.0' }))).toBeNull();
  });
});
