import { TenantConflictError } from '../../port.ts';

/**
 * The full version for a wanted minor: `1.34` → `v1.34.4`. The first of the offered ones when nothing is wanted. Throws
 * `TenantConflictError` for one that is not offered, which begins with who offers the others.
 */
export function chosenVersion(
  offered: readonly [string, ...string[]],
  wanted: string | null,
  offerer: string,
): string {
  if (wanted === null) return withV(offered[0]);
  const found = offered.find((version) => minorTextOf(version) === minorTextOf(wanted));
  if (found !== undefined) return withV(found);
  throw new TenantConflictError(
    `${offerer} does not offer Kubernetes ${wanted}; it offers ${offeredMinors(offered).join(', ')}.`,
    { reason: 'VersionNotOffered' },
  );
}

/** Minors, oldest first: `['1.34', '1.35']`. */
export function offeredMinors(offered: readonly string[]): string[] {
  return [...new Set(offered.map(minorTextOf))].toSorted((a, b) => (minorOf(a) ?? 0) - (minorOf(b) ?? 0));
}

/** 34 for `v1.34.4` and `1.34`; null for what is no version. */
export function minorOf(version: string): number | null {
  const minor = /^v?1\.(\d+)/.exec(version)?.[1];
  return minor === undefined ? null : Number(minor);
}

function minorTextOf(version: string): string {
  return `1.${minorOf(version) ?? version}`;
}

function withV(version: string): string {
  return version.startsWith('v') ? version : `v${version}`;
}
