import { describe, expect, it } from 'vitest';
import { parseGoMinor, possibleLevel, type Machine } from './requirements.ts';

const complete: Machine = { platform: 'linux', goMinor: 26, root: true, packagesMissing: [] };

describe('what a machine can run', () => {
  it('is what was asked for where everything is there', () => {
    expect(possibleLevel('tenant', complete)).toEqual({ level: 'tenant', reasons: [] });
  });

  it('is the light level without root or without Debian’s packages, and the reason is told', () => {
    const { level, reasons } = possibleLevel('tenant', {
      ...complete,
      root: false,
      packagesMissing: ['containerd', 'runc'],
    });
    expect(level).toBe('kwok');
    expect(reasons.join(' ')).toContain('need root');
    expect(reasons.join(' ')).toContain("Debian's containerd runc");
  });

  it('is the light level without a complaint when that is what was asked for', () => {
    expect(possibleLevel('kwok', { ...complete, root: false })).toEqual({ level: 'kwok', reasons: [] });
  });

  it('is nothing without Go, with an old one, or on another system', () => {
    for (const [machine, reason] of [
      [{ ...complete, goMinor: null }, 'Go is not installed'],
      [{ ...complete, goMinor: 22 }, 'Go 1.22 is too old'],
      [{ ...complete, platform: 'darwin' }, 'needs Linux'],
    ] as const) {
      expect(possibleLevel('kwok', machine).level).toBeNull();
      expect(possibleLevel('kwok', machine).reasons.join(' ')).toContain(reason);
    }
  });
});

it('the version of Go is read as Go writes it', () => {
  expect(parseGoMinor('go1.26.8\n')).toBe(26);
  expect(parseGoMinor('go1.27rc1 X:nocoverageredesign')).toBe(27);
  expect(parseGoMinor('devel +abc')).toBeNull();
});
