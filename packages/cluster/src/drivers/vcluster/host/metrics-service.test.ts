import { expect, test } from 'vitest';
import type { TenantClient, TenantResponse } from '../../../port.ts';
import { readMetricsService, usualMetricsService } from './metrics-service.ts';

const api = '/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io';
const service = '/api/v1/namespaces/monitoring/services/metrics';
const slices =
  '/apis/discovery.k8s.io/v1/namespaces/monitoring/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Dmetrics';
const pods = '/api/v1/namespaces/monitoring/pods?labelSelector=app.kubernetes.io%2Fname%3Dmetrics-server';

const ok = (body: object): TenantResponse => ({ status: 200, body });
const selector = { 'app.kubernetes.io/name': 'metrics-server' };

function read(answers: Record<string, TenantResponse>) {
  const host: TenantClient = { request: async ({ path }) => answers[path] ?? { status: 404, body: null } };
  return readMetricsService(host, AbortSignal.timeout(5_000));
}

const elsewhere = {
  [api]: ok({ spec: { service: { namespace: 'monitoring', name: 'metrics', port: 8443 } } }),
};

test('what serves the metrics API is told with the labels of its pods, as Helm’s chart labels them for one', async () => {
  const found = { namespace: 'monitoring', name: 'metrics', port: 8443, pods: selector, addresses: [] };
  const asPods = {
    ...elsewhere,
    [service]: ok({ spec: { selector } }),
    [slices]: ok({ items: [{ endpoints: [{ addresses: ['10.42.0.9'] }], ports: [{ port: 10_250 }] }] }),
    [pods]: ok({ items: [{ spec: {}, status: { podIP: '10.42.0.9' } }] }),
  };
  expect(await read(asPods)).toEqual(found);
  const onNode = ok({ items: [{ spec: { hostNetwork: true }, status: { podIP: '10.42.0.9' } }] });
  expect(await read({ ...asPods, [pods]: onNode })).toEqual({
    ...found,
    addresses: [{ address: '10.42.0.9', port: 10_250 }],
  });
});

test('a service that leads to no pods is told by its addresses, in an order that stays', async () => {
  const told = (addresses: string[]) =>
    read({
      ...elsewhere,
      [service]: ok({ spec: {} }),
      [slices]: ok({
        items: [{ endpoints: addresses.map((one) => ({ addresses: [one] })), ports: [{ port: 4443 }] }],
      }),
    });
  const found = await told(['192.0.2.8', '192.0.2.7']);
  expect(found).toMatchObject({
    pods: null,
    addresses: [
      { address: '192.0.2.7', port: 4443 },
      { address: '192.0.2.8', port: 4443 },
    ],
  });
  expect(await told(['192.0.2.7', '192.0.2.8'])).toEqual(found);
});

test('where we may not look, or the service is not there, the usual pods are assumed', async () => {
  const forbidden = { status: 403, body: null };
  const groups = ok({ groups: [{ name: 'metrics.k8s.io' }] });
  expect(await read({ [api]: forbidden, '/apis': groups })).toEqual(usualMetricsService);
  expect(await read({ [api]: forbidden, '/apis': ok({ groups: [] }) })).toBeNull();
  for (const answers of [elsewhere, { ...elsewhere, [service]: forbidden }])
    expect(await read(answers)).toMatchObject({ name: 'metrics', pods: usualMetricsService.pods });
});

test('what fails for a moment is no answer, whichever part of it', async () => {
  const whole = { ...elsewhere, [service]: ok({ spec: {} }), [slices]: ok({ items: [] }) };
  for (const path of Object.keys(whole))
    await expect(read({ ...whole, [path]: { status: 503, body: null } })).rejects.toThrow('HTTP 503');
});
