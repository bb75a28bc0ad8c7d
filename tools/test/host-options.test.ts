import { describe, expect, it } from 'vitest';
import { parseHostOptions } from './host-options.ts';

describe('./hks test host', () => {
  it('runs everything at level tenant and leaves nothing behind unless told otherwise', () => {
    expect(parseHostOptions([])).toEqual({
      level: 'tenant',
      keep: false,
      upgrade: false,
      kyverno: false,
      argocd: false,
      minutesMax: null,
      filters: [],
    });
    expect(
      parseHostOptions([
        '--level',
        'kwok',
        '--keep',
        '--upgrade',
        '--kyverno',
        '--argocd',
        '--minutes',
        '45',
        'local',
        'vcluster',
      ]),
    ).toEqual({
      level: 'kwok',
      keep: true,
      upgrade: true,
      kyverno: true,
      argocd: true,
      minutesMax: 45,
      filters: ['local', 'vcluster'],
    });
  });

  it('refuses what it does not know instead of running something else', () => {
    expect(() => parseHostOptions(['--level', 'metal'])).toThrow('kwok, node, tenant');
    expect(() => parseHostOptions(['--kep'])).toThrow();
    expect(() => parseHostOptions(['--minutes', 'ten'])).toThrow('number');
  });
});
