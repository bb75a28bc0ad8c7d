import { createHash } from 'node:crypto';
import { abortable } from '../../../abortable.ts';
import type { ApplicableObject } from '../../../kube-api/apply.ts';
import { TenantConflictError } from '../../../port.ts';
import { createRenderer, valuesText } from '../chart/render.ts';
import { readChart, type Chart } from '../chart/source.ts';
import type { ControlPlaneTier } from '../chart/values.ts';
import type { HostFacts, ReadFacts } from '../host/facts.ts';
import { chosenVersion } from '../kubernetes-version.ts';
import { defaultStorage, type ChartOptions, type VclusterDriverOptions } from '../options.ts';
import { packChart, unpackChart } from './chart-archive.ts';
import { readRecord, writeRecord, type ReleaseContent, type ReleaseRecord } from './release-record.ts';

/** Everything that decides how control planes are made, besides whose they are: chart, values, images, versions. */
export interface Release {
  id: string;
  /** The full version for a minor, its default for null. Throws `TenantConflictError` for one that it does not have. */
  version(minor: string | null): string;
  /** Throws `TenantConflictError` for a version that it does not have, and what the renderer throws. */
  render(tenant: TenantKind): Promise<ApplicableObject[]>;
  /** Makes sure of its record, which somebody may have deleted while no tenant had it. Before one gets it. */
  keep(signal: AbortSignal): Promise<void>;
}

interface TenantKind {
  workspaceId: string;
  isolation: Isolation;
  tier: ControlPlaneTier;
  /** Minor; null is the default. */
  kubernetesVersion: string | null;
}

type Isolation = 'shared' | 'dedicated';

export interface Releases {
  /** As settings, host and this program would have it now; recorded on the host, as of a minute ago at most. */
  newest(signal: AbortSignal): Promise<Release>;
  /** One that some tenant has. Throws `TenantConflictError` when its record is gone. */
  byId(id: string, signal: AbortSignal): Promise<Release>;
}

const keptMs = 60_000;
const readMsMax = 60_000;

const isolations: readonly Isolation[] = ['shared', 'dedicated'];
const tiers: readonly ControlPlaneTier[] = ['small', 'medium', 'large'];

/**
 * The releases of one host cluster. A record holds the chart itself and the values of every kind of workspace, so that a
 * tenant can be repaired, resized and put back with what it has, after the settings, the host or this program changed.
 */
export function hostReleases(options: VclusterDriverOptions, facts: ReadFacts): Releases {
  const { host, hostName, clock } = options;
  const known = new Map<string, Promise<Release>>();
  /** When the record of each was last seen to be there. */
  const keptAtMs = new Map<string, number>();
  let chart: Promise<KeptChart> | null = null;

  /** For all who ask at the same time, so it ends with none of them. A failure is not kept. */
  function once(id: string, open: () => Promise<Release>): Promise<Release> {
    const found = known.get(id);
    if (found) return found;
    const opening = open();
    known.set(id, opening);
    opening.catch(() => known.delete(id));
    return opening;
  }

  async function readRelease(id: string): Promise<Release> {
    const record = await readRecord(host, id, AbortSignal.timeout(readMsMax));
    if (record === null || idOf(record.content) !== id) {
      throw new TenantConflictError(
        `The host cluster ${hostName} does not have the record of release ${id} any more, by which this workspace was made. It runs on as it is until a roll-out brings it the newest one.`,
        { reason: 'ReleaseGone' },
      );
    }
    return open({ id, ...record }, await unpackChart(record.chart, record.content.chartDigest));
  }

  async function keep(record: IdentifiedRecord, signal: AbortSignal): Promise<void> {
    await writeRecord(host, record, signal);
    keptAtMs.set(record.id, clock.now());
  }

  function open(record: IdentifiedRecord, files: Chart): Release {
    return { ...openRelease(options, record, files), keep: (signal) => keep(record, signal) };
  }

  return {
    async newest(signal) {
      const found = await facts(signal);
      const kept = await (chart ??= keptChart(options.chart).catch((error: unknown) => {
        chart = null;
        throw error;
      }));
      const content = contentOf(options, found, kept.digest);
      const id = idOf(content);
      const newest = { id, content, chart: kept.packed };
      const atMs = keptAtMs.get(id);
      if (atMs === undefined || clock.now() - atMs >= keptMs) await keep(newest, signal);
      return once(id, async () => open(newest, kept));
    },
    byId: (id, signal) => abortable(signal, () => once(id, () => readRelease(id))),
  };
}

type IdentifiedRecord = ReleaseRecord & { id: string };

/** With what is recorded of it. */
interface KeptChart extends Chart {
  packed: string;
}

/**
 * Reads the chart once: a folder that somebody edits while we run is another chart at the next start, and never comes under
 * the name of what it was.
 */
async function keptChart({ source, keptIn }: ChartOptions): Promise<KeptChart> {
  const chart = await readChart(source, keptIn);
  return { ...chart, packed: await packChart(chart) };
}

function openRelease(
  { chart: { helm }, hostName }: VclusterDriverOptions,
  { id, content }: IdentifiedRecord,
  files: Chart,
): Omit<Release, 'keep'> {
  const renderer = createRenderer(files, helm);
  const { hostVersion, kubernetesVersions, values } = content;
  const versionOf = (minor: string | null) =>
    chosenVersion(
      kubernetesVersions,
      minor,
      `Release ${id} of control planes on the host cluster ${hostName}`,
    );
  return {
    id,
    version: versionOf,
    render: async ({ workspaceId, isolation, tier, kubernetesVersion }) => {
      const version = versionOf(kubernetesVersion);
      const text = values[kindOf({ isolation, tier, version })];
      if (text === undefined) throw new Error(`release ${id} has no values for ${isolation} ${tier}`);
      return renderer.render({ workspaceId, hostVersion, values: text });
    },
  };
}

function contentOf(options: VclusterDriverOptions, facts: HostFacts, chartDigest: string): ReleaseContent {
  const { images, kubernetesVersions } = options;
  const storage = options.storage ?? defaultStorage;
  const serviceCidr = options.serviceCidr ?? facts.serviceCidr;
  const { version: hostVersion, metrics } = facts;
  const values: Record<string, string> = {};
  for (const offered of kubernetesVersions) {
    const version = chosenVersion([offered], null, 'This server');
    for (const isolation of isolations) {
      for (const tier of tiers) {
        const kind = { isolation, tier, kubernetesVersion: version, images, storage, serviceCidr, metrics };
        values[kindOf({ isolation, tier, version })] = valuesText(kind);
      }
    }
  }
  return { chartDigest, hostVersion, kubernetesVersions, values };
}

function kindOf({
  isolation,
  tier,
  version,
}: {
  isolation: Isolation;
  tier: string;
  version: string;
}): string {
  return `${isolation}/${tier}/${version}`;
}

/** Short, because people read it in sentences. */
function idOf(content: ReleaseContent): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 12);
}
