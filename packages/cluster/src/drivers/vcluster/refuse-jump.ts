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

/** False for what bears no version. */
function isChartTooFar(from: string, to: string): boolean {
  const numbers = [from, to].map((chart) => /-(\d+)\.(\d+)\.\d/.exec(chart)?.slice(1).map(Number));
  const [older, newer] = numbers.toSorted((a, b) => (a?.[0] ?? 0) - (b?.[0] ?? 0));
  const [major = 0, minor = 0] = older ?? [];
  const [newerMajor = 0, newerMinor = 0] = newer ?? [];
  if (!older || !newer) return false;
  if (major === newerMajor) return Math.abs(newerMinor - minor) > 1;
  return newerMajor !== major + 1 || newerMinor > 0;
}
