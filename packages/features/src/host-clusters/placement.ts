/** A host cluster as the choice sees it: how much it takes and how much it has. */
export interface HostRoom {
  id: string;
  name: string;
  region: string;
  state: 'active' | 'cordoned' | 'draining';
  ready: 'True' | 'False' | 'Unknown';
  dedicatedNodes: boolean;
  /** Null is unlimited. */
  limits: { workspaces: number | null; cpuMilli: number | null; memoryMib: number | null };
  used: { workspaces: number; cpuMilli: number; memoryMib: number };
}

export interface PlacementRequest {
  /** Null takes the default. */
  region: string | null;
  isolation: 'shared' | 'dedicated';
  size: { cpuMilli: number; memoryMib: number };
}

export interface PlacementRules {
  /** In the order in which they were added: the region of the first one is the default. */
  hosts: readonly HostRoom[];
  /** Region of the driver that is built in. It is used only while there are no host clusters. */
  builtInRegion: string;
}

export type Placement =
  | { kind: 'built-in'; region: string }
  | { kind: 'host'; host: HostRoom; region: string }
  | { kind: 'refused'; code: 'unknown_region' | 'no_capacity'; message: string; details: object };

/**
 * Where a workspace runs. Among the host clusters of the region that may take it and have room, the emptiest one by share
 * of its limit, then by count, then by name: workspaces spread and the answer does not depend on the order of rows. One that
 * was not seen to be in order, because it is silent or nobody has looked yet, comes after all others.
 */
export function placeWorkspace(
  request: PlacementRequest,
  { hosts, builtInRegion }: PlacementRules,
): Placement {
  const regions = hosts.length === 0 ? [builtInRegion] : [...new Set(hosts.map((host) => host.region))];
  const region = request.region ?? regions[0] ?? builtInRegion;
  if (!regions.includes(region)) return unknownRegion(region, regions);
  if (hosts.length === 0) return { kind: 'built-in', region };
  const there = hosts.filter((host) => host.region === region);
  const fits = there.filter((host) => whyNot(host, request) === null);
  const host = fits.toSorted(emptierFirst)[0];
  return host ? { kind: 'host', host, region } : noCapacity(region, { request, there, hosts });
}

function unknownRegion(region: string, regions: readonly string[]): Placement {
  const known = regions.toSorted();
  return {
    kind: 'refused',
    code: 'unknown_region',
    message: `There is no region ${region}; there ${known.length === 1 ? 'is' : 'are'} ${known.join(', ')}.`,
    details: { regions: known },
  };
}

/** Says nothing of single host clusters: they are the platform's affair. */
function noCapacity(
  region: string,
  { request, there, hosts }: { request: PlacementRequest; there: HostRoom[]; hosts: readonly HostRoom[] },
): Placement {
  const others = hosts.filter((host) => host.region !== region && whyNot(host, request) === null);
  const regionsWithRoom = [...new Set(others.map((host) => host.region))].toSorted();
  const reasons = new Set(there.map((host) => whyNot(host, request)));
  const way = regionsWithRoom.length > 0 ? ` There is room in ${regionsWithRoom.join(', ')}.` : '';
  // That no region has room is told only where that is what is lacking.
  const isTold = reasons.has('full') || regionsWithRoom.length > 0;
  return {
    kind: 'refused',
    code: 'no_capacity',
    message: `No host cluster in region ${region} ${whatNoneHas(reasons, request)}${way}`,
    details: { region, ...(isTold && { regionsWithRoom }) },
  };
}

type WhyNot = 'isolation' | 'closed' | 'broken' | 'full';

function whatNoneHas(reasons: ReadonlySet<WhyNot | null>, { isolation, size }: PlacementRequest): string {
  const workspaces = isolation === 'dedicated' ? 'dedicated workspaces' : 'workspaces';
  if (reasons.has('full')) return `has room for a workspace of ${sizeInWords(size)} now.`;
  if (reasons.has('broken'))
    return `can take ${workspaces} at the moment. An operator finds out why with \`hexabase-cli host check NAME\`.`;
  if (reasons.has('closed'))
    return `is open to new ${workspaces} at the moment. An operator opens one with \`hks host-cluster uncordon NAME\`.`;
  return 'has nodes for dedicated workspaces.';
}

/** What keeps a host cluster from taking the workspace; null when nothing does. `Unknown` health keeps nobody out: a look fails now and then. */
function whyNot(host: HostRoom, { isolation, size }: PlacementRequest): WhyNot | null {
  if (isolation === 'dedicated' && !host.dedicatedNodes) return 'isolation';
  if (host.state !== 'active') return 'closed';
  if (host.ready === 'False') return 'broken';
  const { limits, used } = host;
  const full =
    exceeds(used.workspaces + 1, limits.workspaces) ||
    exceeds(used.cpuMilli + size.cpuMilli, limits.cpuMilli) ||
    exceeds(used.memoryMib + size.memoryMib, limits.memoryMib);
  return full ? 'full' : null;
}

type CountedSize = PlacementRequest['size'];

/**
 * Why a workspace that lives on a host cluster cannot have a larger plan there, in words; null when it can. A cordoned
 * host lets its own grow; what gets smaller always fits.
 */
export function whyNoLargerPlan(
  { limits, used }: HostRoom,
  { before, after }: { before: CountedSize; after: CountedSize },
): string | null {
  const cpuMilli = after.cpuMilli - before.cpuMilli;
  const memoryMib = after.memoryMib - before.memoryMib;
  const lacks = [
    ...(cpuMilli > 0 && exceeds(used.cpuMilli + cpuMilli, limits.cpuMilli) ? [cpuInWords(cpuMilli)] : []),
    ...(memoryMib > 0 && exceeds(used.memoryMib + memoryMib, limits.memoryMib)
      ? [memoryInWords(memoryMib)]
      : []),
  ];
  return lacks.length === 0 ? null : `${lacks.join(' and ')} more than now`;
}

function sizeInWords({ cpuMilli, memoryMib }: CountedSize): string {
  return `${cpuInWords(cpuMilli)} and ${memoryInWords(memoryMib)}`;
}

function cpuInWords(cpuMilli: number): string {
  return `${cpuMilli / 1000} CPU`;
}

function memoryInWords(memoryMib: number): string {
  return `${memoryMib / 1024} GiB of memory`;
}

function exceeds(wanted: number, limit: number | null): boolean {
  return limit !== null && wanted > limit;
}

function emptierFirst(a: HostRoom, b: HostRoom): number {
  const unsure = (host: HostRoom): number => (host.ready === 'True' ? 0 : 1);
  return (
    unsure(a) - unsure(b) ||
    shareUsed(a) - shareUsed(b) ||
    a.used.workspaces - b.used.workspaces ||
    (a.name < b.name ? -1 : 1)
  );
}

function shareUsed({ limits, used }: HostRoom): number {
  const share = (value: number, limit: number | null): number => (limit === null ? 0 : value / limit);
  return Math.max(
    share(used.workspaces, limits.workspaces),
    share(used.cpuMilli, limits.cpuMilli),
    share(used.memoryMib, limits.memoryMib),
  );
}

/** What an idle tenant's control plane takes on its host, with some air. */
const memoryMibPerWorkspace = 512;
/** Its control plane and its name server. */
const podsPerWorkspace = 2;

/** How many workspaces a host cluster takes when nobody said so; null while nobody has seen its nodes. */
export function workspacesThatFit(observed: { memoryMib: number; pods: number } | null): number | null {
  if (!observed) return null;
  return Math.floor(Math.min(observed.memoryMib / memoryMibPerWorkspace, observed.pods / podsPerWorkspace));
}
