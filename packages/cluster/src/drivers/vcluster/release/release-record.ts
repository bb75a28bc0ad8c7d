import { KubeRefusal } from '../../../kube-api/call-errors.ts';
import { resourcePath } from '../../../kube-api/resource-path.ts';
import { TenantConflictError, type TenantClient } from '../../../port.ts';
import { makeNamespace } from '../host/fence.ts';
import { fieldOf, textOf } from '../host/objects.ts';
import { readOne } from '../host/read.ts';
import { fenceNamespace, fieldManager, managedBy, releaseNameOf } from '../names.ts';

/** What a release is made of, besides the chart's files. */
export interface ReleaseContent {
  chartDigest: string;
  /** `v1.34.4` */
  hostVersion: string;
  kubernetesVersions: readonly [string, ...string[]];
  /** By isolation, size and version. */
  values: Readonly<Record<string, string>>;
}

export interface ReleaseRecord {
  content: ReleaseContent;
  /** As it was packed. */
  chart: string;
}

/** A ConfigMap takes a megabyte (Kubernetes, "ConfigMaps"); vCluster's chart is a tenth of that. */
const chartCharactersMax = 900_000;

/** Records a release for good; one that is recorded stays. Throws `TenantConflictError` for a chart that is too large. */
export async function writeRecord(
  host: TenantClient,
  { id, content, chart }: ReleaseRecord & { id: string },
  signal: AbortSignal,
): Promise<void> {
  if (chart.length > chartCharactersMax) {
    throw new TenantConflictError(
      'The vCluster chart is too large to be kept on the host cluster: it may have 650 kB compressed.',
      { reason: 'ChartUnusable' },
    );
  }
  const body = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: releaseNameOf(id), labels: managedBy },
    immutable: true,
    data: { release: JSON.stringify(content) },
    binaryData: { chart },
  };
  const path = `${resourcePath('v1', 'ConfigMap', { namespace: fenceNamespace })}?fieldManager=${fieldManager}`;
  const write = () => host.request({ method: 'POST', path, body, signal });
  let answer = await write();
  if (answer.status === 404) {
    await makeNamespace(host, signal);
    answer = await write();
  }
  if (answer.status >= 300 && answer.status !== 409) throw new KubeRefusal('the record of a release', answer);
}

/** Null when there is none. */
export async function readRecord(
  host: TenantClient,
  id: string,
  signal: AbortSignal,
): Promise<ReleaseRecord | null> {
  const name = releaseNameOf(id);
  const place = { apiVersion: 'v1', kind: 'ConfigMap', namespace: fenceNamespace, name };
  const found = await readOne(host, place, signal);
  if (found === null) return null;
  const content: ReleaseContent = JSON.parse(textOf(fieldOf(found, 'data', 'release')));
  return { content, chart: textOf(fieldOf(found, 'binaryData', 'chart')) };
}
