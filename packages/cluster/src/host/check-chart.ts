import { newId } from '@hexabase/kernel/id.ts';
import { clause } from '@hexabase/kernel/text/sentences.ts';
import { createRenderer, valuesText } from '../drivers/vcluster/chart/render.ts';
import { readChart, type Chart, type ChartSource } from '../drivers/vcluster/chart/source.ts';
import { namesOf } from '../drivers/vcluster/names.ts';
import { defaultStorage, type VclusterImages } from '../drivers/vcluster/options.ts';
import { bad, good, type HostCheck } from './host-check.ts';

const type = 'ChartUsable';

export interface ChartToCheck {
  source: ChartSource;
  /** Folder of ours where a pinned chart that was fetched is kept. */
  keptIn: string;
  images: VclusterImages;
  /** `v1.36.0`, of new workspaces. */
  tenantVersion: string;
  /** Path of the program; null where there is none: the chart is only read then. */
  helm: string | null;
  /** `v1.34.4`; null when the host did not say: the chart is only read then. */
  hostVersion: string | null;
  signal: AbortSignal;
}

/** Reads the chart as the server does and renders a small workspace of it; nothing is written on the host. Never rejects. */
export async function checkChart(asked: ChartToCheck): Promise<HostCheck> {
  const { source, keptIn, signal } = asked;
  try {
    const chart = await readChart(source, keptIn, signal);
    await render(chart, asked);
    const pinned =
      source.digest === null
        ? `is there; no digest is pinned, this one has ${chart.digest}`
        : 'is the pinned one';
    return good(type, { reason: 'Usable', message: `The vCluster chart ${source.location} ${pinned}` });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return bad(type, {
      reason: 'ChartUnusable',
      message: `Those that run are not touched, but no workspace can be made: ${clause(why)}`,
      todo: 'Put the chart right, or name another one: HKS_VCLUSTER_CHART, HKS_VCLUSTER_CHART_DIGEST.',
    });
  }
}

/** Throws a sentence when it does not take our values, or makes something else of them than a vCluster. */
async function render(
  chart: Chart,
  { images, tenantVersion, helm, hostVersion, source }: ChartToCheck,
): Promise<void> {
  if (helm === null || hostVersion === null) return;
  const values = valuesText({
    isolation: 'shared',
    tier: 'small',
    kubernetesVersion: tenantVersion,
    images,
    storage: defaultStorage,
    serviceCidr: null,
    metrics: null,
  });
  const workspaceId = newId<'Workspace'>();
  const objects = await createRenderer(chart, helm).render({ workspaceId, hostVersion, values });
  const { release } = namesOf(workspaceId);
  if (!objects.some(({ kind, metadata }) => kind === 'StatefulSet' && metadata.name === release))
    throw new Error(`${source.location} is a chart of something else: it makes no control plane`);
}
