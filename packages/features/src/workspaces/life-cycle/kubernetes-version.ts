/** `1.34` of `v1.34.4`; null when it is no version. */
export function minorOf(version: string | null): string | null {
  return version === null ? null : (/^v?(\d+\.\d+)/.exec(version)?.[1] ?? null);
}

/**
 * Why a workspace cannot go from one minor version to another, in words; null when it can. Kubernetes supports one minor
 * at a time and no way back (kubernetes.io "Version Skew Policy": HTTP API servers are upgraded one minor at a time).
 */
export function refusalOf(step: {
  from: string | null;
  to: string;
  offered: readonly string[];
}): string | null {
  const { from, to, offered } = step;
  if (from === null) return 'The workspace has not said yet which version it runs; try again in a moment.';
  const notOffered =
    offered.length <= 1
      ? `Workspaces here have one version, ${offered[0] ?? from}.`
      : `This installation does not offer ${to}. It offers ${offered.join(', ')}.`;
  if (majorOf(to) !== majorOf(from)) return notOffered;
  const distance = minorNumber(to) - minorNumber(from);
  if (distance < 0)
    return `Kubernetes cannot go back from ${from} to ${to}: what ${from} has stored, ${to} may not understand.`;
  if (!offered.includes(to)) return notOffered;
  if (distance > 1)
    return `Kubernetes is upgraded one minor version at a time: go to 1.${minorNumber(from) + 1} first.`;
  return null;
}

function majorOf(version: string): string | undefined {
  return version.split('.')[0];
}

function minorNumber(version: string): number {
  return Number(version.split('.')[1]);
}
