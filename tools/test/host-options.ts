import { parseArgs } from 'node:util';
import { hostLevels, type HostLevel } from '@hexabase/testkit/host-cluster.ts';

export interface HostOptions {
  level: HostLevel;
  /** Leave the cluster running. */
  keep: boolean;
  filters: readonly string[];
}

/** Reads `[--level kwok|node|tenant] [--keep] [FILTER…]`. Throws on anything else. */
export function parseHostOptions(args: readonly string[]): HostOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      level: { type: 'string', default: 'tenant' },
      keep: { type: 'boolean', default: false },
    },
  });
  const level = hostLevels.find((known) => known === values.level);
  if (level === undefined) {
    throw new Error(`There is no level ${values.level}; there are ${hostLevels.join(', ')}.`);
  }
  return { level, keep: values.keep, filters: positionals };
}
