import { expect, test } from 'vitest';
import type { TenantClient, TenantResponse } from '../../../port.ts';
import { hostFacts } from './facts.ts';
import { usualMetricsService } from './metrics-service.ts';

const cidrs = '/apis/networking.k8s.io/v1/servicecidrs/kubernetes';
const metrics = '/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io';

const slices =
  '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Dkubernetes';
const apiAt = (...ports: number[]) => ({
  items: ports.map((port) => ({ ports: [{ name: 'https', port }] })),
});

function factsOf(differing: Record<string, TenantResponse>) {
  const answers: Record<string, TenantResponse> = {
    '/version': { status: 200, body: { gitVersion: 'v1.35.2' } },
    [cidrs]: { status: 200, body: { spec: { cidrs: ['10.96.0.0/16', 'fd00::/108'] } } },
    [metrics]: { status: 200, body: {} },
    [slices]: { status: 200, body: apiAt(16_443) },
    '/apis': { status: 200, body: { groups: [{ name: 'metrics.k8s.io' }] } },
    ...differing,
  };
  const host: TenantClient = {
    request: async ({ path }) => answers[path] ?? { status: 404, body: null },
  };
  const facts = hostFacts({ host, clock: { now: () => 0 } });
  return { answers, read: () => facts(AbortSignal.timeout(5_000)) };
}

const plain = {
  version: 'v1.35.2',
  serviceCidr: '10.96.0.0/16,fd00::/108',
  metrics: usualMetricsService,
  apiPorts: [16_443],
};
const missing = { status: 404, body: null };
const forbidden = { status: 403, body: null };

test('a host says what it is, that it has no such API, or that we may not know', async () => {
  expect(await factsOf({}).read()).toEqual(plain);
  const older = factsOf({ [cidrs]: missing, [metrics]: missing });
  expect(await older.read()).toEqual({ ...plain, serviceCidr: null, metrics: null });
  const strict = factsOf({ [cidrs]: forbidden, [metrics]: forbidden });
  expect(await strict.read()).toEqual({ ...plain, serviceCidr: null });
});

test('the ports of several API servers are told once each, in order, and none where we may not look', async () => {
  const portsFor = async (answer: TenantResponse) => (await factsOf({ [slices]: answer }).read()).apiPorts;
  expect(await portsFor({ status: 200, body: apiAt(6443, 443, 6443) })).toEqual([443, 6443]);
  for (const answer of [missing, forbidden]) expect(await portsFor(answer)).toEqual([]);
});

test.each([cidrs, metrics, slices])(
  'what fails for a moment is no answer and is not kept: %s',
  async (path) => {
    for (const status of [401, 429, 500, 503]) {
      const { answers, read } = factsOf({ [path]: { status, body: null } });
      await expect(read()).rejects.toThrow(`HTTP ${status}`);
      Object.assign(answers, factsOf({}).answers);
      expect(await read()).toEqual(plain);
    }
  },
);

test('a list of APIs that fails for a moment does not say that there are no metrics', async () => {
  const { read } = factsOf({ [metrics]: forbidden, '/apis': { status: 503, body: null } });
  await expect(read()).rejects.toThrow('HTTP 503');
});
