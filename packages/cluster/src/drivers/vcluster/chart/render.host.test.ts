import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { hostCluster } from '@hexabase/testkit/host-cluster.ts';
import type { ApplicableObject } from '../../../kube-api/apply.ts';
import { TenantConflictError } from '../../../port.ts';
import { createRenderer, valuesText, type Renderer, type RenderInput } from './render.ts';
import { readChart, type ChartSource } from './source.ts';
import { smallShared } from './values-for-tests.ts';
import { tierOf } from './values.ts';

const given = hostCluster('tenant');
const workspaceId = '01a20000-0000-7000-8000-00000000abcd';
const plans = { starter: 2000, pro: 8000, enterprise: 64_000 };

describe.skipIf(given === null)('the chart, rendered by helm', () => {
  const chart = () => ({ location: given?.chart ?? '', digest: null });
  const rendererOf = async (source: ChartSource): Promise<Renderer> =>
    createRenderer(await readChart(source), given?.helm ?? '');

  it.each(
    Object.entries(plans).flatMap(([plan, cpuMilli]) =>
      (['shared', 'dedicated'] as const).map((isolation) => ({ plan, cpuMilli, isolation })),
    ),
  )('for plan $plan on $isolation nodes is what was agreed', async ({ plan, cpuMilli, isolation }) => {
    const renderer = await rendererOf(chart());
    const objects = await renderer.render(input({ isolation, tier: tierOf(cpuMilli) }));
    await expect(golden(objects)).toMatchFileSnapshot(`golden/rendered-${plan}-${isolation}.yaml`);
  });

  it('on a newer host is what was agreed', async () => {
    const renderer = await rendererOf(chart());
    const objects = await renderer.render({ ...input({ isolation: 'dedicated' }), hostVersion: 'v1.35.0' });
    await expect(golden(objects)).toMatchFileSnapshot('golden/on-newer-host.yaml');
  });

  it('holds the names of its own workspace everywhere, also in what is encoded or cut', async () => {
    const renderer = await rendererOf(chart());
    const objects = await renderer.render(input({ isolation: 'dedicated' }));
    const secret = objects.find(({ kind }) => kind === 'Secret');
    const text =
      JSON.stringify(objects) +
      Buffer.from(String(Object(secret?.['data'])['config.yaml']), 'base64').toString();
    expect(text).not.toContain('placehol');
    expect(text).toContain(`ws-00000000abcd.hexabase-ws-${workspaceId}.svc`);
    const cut = objects.find(({ kind }) => kind === 'ClusterRole')?.metadata.name ?? '';
    expect(cut).toHaveLength(63);
    expect(`vc-ws-00000000abcd-v-hexabase-ws-${workspaceId}`).toContain(cut);
  });

  it('takes the chart of the right digest and no other', async () => {
    const { location } = chart();
    const { digest } = await readChart(chart());
    const right = await rendererOf({ location, digest });
    expect((await right.render(input())).length).toBeGreaterThan(5);
    const wrong = rendererOf({ location, digest: digest.replace(/.$/, 'x') });
    await expect(wrong).rejects.toThrow(TenantConflictError);
  });

  it('says what the chart does not take, instead of writing half of it', async () => {
    const none = rendererOf({ location: join(chart().location, 'templates'), digest: null });
    await expect(none).rejects.toThrow(/The vCluster chart cannot be rendered/);
  });
});

function input(changes: Partial<typeof smallShared> = {}): RenderInput {
  return { workspaceId, hostVersion: 'v1.34.4', values: valuesText({ ...smallShared, ...changes }) };
}

/** Without the values themselves, which have golden files of their own, and their hash. */
function golden(objects: readonly ApplicableObject[]): string {
  return objects
    .map((object) =>
      object.kind === 'Secret' ? { ...object, data: Object.keys(Object(object['data'])) } : object,
    )
    .map((object) => stringify(object).replace(/vClusterConfigHash: \w+/, 'vClusterConfigHash: …'))
    .join('---\n');
}
