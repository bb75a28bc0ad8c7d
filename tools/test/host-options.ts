import { parseArgs } from 'node:util';
import { hostLevels, type HostLevel } from '@hexabase/testkit/host-cluster.ts';

export interface HostOptions {
  level: HostLevel;
  /** Leave the cluster running. */
  keep: boolean;
  /** With the Kubernetes that tenants are upgraded from, which takes as long to build as the other one. */
  upgrade: boolean;
  /** With Kyverno, which takes as long again. */
  kyverno: boolean;
  /** With Argo CD, kubelogin and oauth2-proxy, which sign people in with the product. */
  argocd: boolean;
  /** Time for everything, building included; null without a limit. */
  minutesMax: number | null;
  filters: readonly string[];
}

/** Reads `[--level kwok|node|tenant] [--keep] [--upgrade] [--kyverno] [--argocd] [--minutes N] [FILTER…]`. Throws on anything else. */
export function parseHostOptions(args: readonly string[]): HostOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      level: { type: 'string', default: 'tenant' },
      keep: { type: 'boolean', default: false },
      upgrade: { type: 'boolean', default: false },
      kyverno: { type: 'boolean', default: false },
      argocd: { type: 'boolean', default: false },
      minutes: { type: 'string' },
    },
  });
  const level = hostLevels.find((known) => known === values.level);
  if (level === undefined) {
    throw new Error(`There is no level ${values.level}; there are ${hostLevels.join(', ')}.`);
  }
  const minutesMax = values.minutes === undefined ? null : Number(values.minutes);
  if (minutesMax !== null && !(minutesMax > 0)) throw new Error('--minutes takes a number above 0.');
  const { keep, upgrade, kyverno, argocd } = values;
  return { level, minutesMax, keep, upgrade, kyverno, argocd, filters: positionals };
}
