import { TenantConflictError } from '../../port.ts';
import { fieldOf, listOf, textOf, type Json } from './host/objects.ts';
import { minorOf } from './kubernetes-version.ts';

/**
 * From one control plane to another, one minor version at a time and no more, forth and back. Throws `TenantConflictError`.
 * Kubernetes: "Version Skew Policy". Charts are tried by their makers from one minor version to the next, as what they
 * bring moves the data and the settings of a tenant.
 */
export function refuseJump(from: Json, to: unknown): void {
  const [kubernetes, nextKubernetes] = [versionIn(from), versionIn(to)];
  const [minor, nextMinor] = [minorOf(kubernetes), minorOf(nextKubernetes)];
  if (minor !== null && nextMinor !== null && Math.abs(nextMinor - minor) > 1) {
    throw new TenantConflictError(
      `The workspace runs Kubernetes ${kubernetes}; ${nextKubernetes} is more than one minor version away. Go one minor at a time.`,
      { reason: 'VersionTooFar' },
    );
  }
  const [chart, nextChart] = [chartIn(from), chartIn(to)];
  if (isChartTooFar(chart, nextChart)) {
    throw new TenantConflictError(
      `The workspace was made from the chart ${chart}; ${nextChart} is more than one minor version away. Bring the one between first.`,
      { reason: 'ChartTooFar' },
    );
  }
}

/** The chart copies Kubernetes from an image whose tag is the version. */
function versionIn(statefulSet: unknown): string {
  const containers = listOf(fieldOf(statefulSet, 'spec', 'template', 'spec', 'initContainers'));
  const image = textOf(containers.find(({ name }) => name === 'kubernetes')?.['image']);
  return image.slice(image.lastIndexOf(':') + 1);
}

/** Helm's label of name and version: `vcluster-0.36.1`. */
function chartIn(statefulSet: unknown): string {
  return textOf(fieldOf(statefulSet, 'metadata', 'labels', 'chart'));
}

/**
 * Major and minor of a chart's label, null when it bears no version. The last that looks like one is it, since a name may
 * hold one too: `my-1.2.3-0.34.0`. Helm writes `_` for the `+` before what tells of the build, and takes versions with `v`
 * and without a patch; five digits and more are a date in what tells of a pre-release.
 */
function versionOf(label: string): { major: number; minor: number } | null {
  const withoutBuild = label.replace(/(\.\d[^+_]*)[+_].*$/, '$1');
  const found = /^.*-v?(\d{1,4})\.(\d{1,4})(?:\.\d+)*(?:-.*)?$/.exec(withoutBuild);
  return found && { major: Number(found[1]), minor: Number(found[2]) };
}

/** False for what bears no version. */
function isChartTooFar(from: string, to: string): boolean {
  const [a, b] = [versionOf(from), versionOf(to)];
  if (a === null || b === null) return false;
  if (a.major === b.major) return Math.abs(a.minor - b.minor) > 1;
  const [older, newer] = a.major < b.major ? [a, b] : [b, a];
  return newer.major !== older.major + 1 || newer.minor > 0;
}
