import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { usualMetricsService } from '../host/metrics-service.ts';
import { namesOf } from '../names.ts';
import { smallShared } from './values-for-tests.ts';
import { chartValues, tierOf, type ValuesInput } from './values.ts';

const workspaceId = '01a20000-0000-7000-8000-00000000abcd';

/** The plans of the first migration, by processors. */
const plans = { starter: 2000, pro: 8000, enterprise: 64_000 };

function input(changes: Partial<ValuesInput> = {}): ValuesInput {
  return {
    names: namesOf(workspaceId),
    workspaceId,
    ...smallShared,
    ...changes,
  };
}

describe('the chart’s values', () => {
  it.each(
    Object.entries(plans).flatMap(([plan, cpuMilli]) =>
      (['shared', 'dedicated'] as const).map((isolation) => ({ plan, cpuMilli, isolation })),
    ),
  )(
    'of plan $plan on $isolation nodes are the ones that were agreed',
    async ({ plan, cpuMilli, isolation }) => {
      const values = chartValues(input({ isolation, tier: tierOf(cpuMilli) }));
      await expect(stringify(values)).toMatchFileSnapshot(`golden/values-${plan}-${isolation}.yaml`);
    },
  );

  it('take every image from where the operator says, with the secrets for it', () => {
    const values = chartValues(
      input({
        images: {
          kubernetes: { registry: 'registry.example', repository: 'mirror/kubernetes' },
          vcluster: { registry: 'registry.example', repository: 'mirror/vcluster', tag: '0.36.9' },
          coreDns: 'registry.example/mirror/coredns:1',
          pullPolicy: 'Never',
          pullSecrets: ['registry'],
        },
      }),
    );
    expect(values).toMatchObject({
      controlPlane: {
        distro: {
          k8s: {
            image: { registry: 'registry.example', repository: 'mirror/kubernetes', tag: 'v1.34.4' },
            imagePullPolicy: 'Never',
          },
        },
        statefulSet: {
          image: { registry: 'registry.example', repository: 'mirror/vcluster', tag: '0.36.9' },
          imagePullPolicy: 'Never',
        },
        coredns: { deployment: { image: 'registry.example/mirror/coredns:1' } },
        advanced: {
          serviceAccount: { imagePullSecrets: [{ name: 'registry' }] },
          workloadServiceAccount: { imagePullSecrets: [{ name: 'registry' }] },
        },
      },
    });
    expect(JSON.stringify(values)).not.toContain('ghcr.io');
  });

  it('copy no nodes to a shared tenant, but show it how busy they are, for kubectl top nodes', () => {
    const text = JSON.stringify(chartValues(input()));
    expect(text).not.toContain('fromHost');
    expect(chartValues(input())).toMatchObject({ integrations: { metricsServer: { nodes: true } } });
  });

  it('ask the metrics API where the host has it, and leave the usual place to the chart: naming it would be another release', () => {
    const asked = (metrics: ValuesInput['metrics']) =>
      Object(chartValues({ ...input(), metrics })['integrations']).metricsServer;
    expect(asked(usualMetricsService)).toEqual({ enabled: true, nodes: true });
    expect(asked({ namespace: 'monitoring', name: 'metrics', port: 8443 })).toEqual({
      enabled: true,
      nodes: true,
      apiService: { service: { namespace: 'monitoring', name: 'metrics', port: 8443 } },
    });
    expect(asked(null)).toEqual({ enabled: false, nodes: false });
  });

  it('do not change with the size within a step, which would restart the control plane', () => {
    expect(tierOf(2000)).toBe(tierOf(4000));
    expect(tierOf(7999)).not.toBe(tierOf(8000));
  });
});

describe('golden files of what is rendered', () => {
  it('are there for every plan and isolation, and hold no secret', async () => {
    const folder = join(import.meta.dirname, 'golden');
    const files = (await readdir(folder)).filter((name) => name.startsWith('rendered-'));
    expect(files).toHaveLength(2 * Object.keys(plans).length);
    for (const file of files)
      expect(await readFile(join(folder, file), 'utf8')).not.toMatch(/config\.yaml: \S{100}/);
  });
});
