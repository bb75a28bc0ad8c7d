import { brandId } from '@hexabase/kernel/id.ts';
import { describe, expect, it } from 'vitest';
import { FencedError, type TenantClient, type TenantResponse } from '../../../port.ts';
import { fieldOf } from './objects.ts';
import { makeNamespace, raiseFence } from './fence.ts';

const workspaceId = brandId<'Workspace'>('0190a0b0-0000-7000-8000-000000000001');
const signal = AbortSignal.timeout(60_000);

/** As real ones answer: `native.host.test.ts` and `kyverno.host.test.ts` have them from there. */
const refusals = {
  'the native policy, 422': [
    422,
    "configmaps \"hexabase-fence-x\" is forbidden: ValidatingAdmissionPolicy 'hexabase-fence-record' with binding 'hexabase-fence-record' denied request: the fence of a workspace only rises",
  ],
  'Kyverno, 400': [
    400,
    'admission webhook "vpol.validate.kyverno.svc-fail" denied the request: Policy hexabase-fence-record failed: the fence of a workspace only rises',
  ],
} as const;

describe.each(Object.entries(refusals))(
  'a fence that a newer worker has raised in between, says %s',
  (_by, said) => {
    it('fences the worker that asks', async () => {
      const host = hostThat(said, [3, 9]);
      await expect(raiseFence(host, { workspaceId, fence: 5 }, signal)).rejects.toThrow(FencedError);
    });
  },
);

it.each([
  [400, 'admission webhook "other.example" denied the request: ConfigMaps need an owner'],
  [422, 'ConfigMap "x" is invalid: metadata.labels: Invalid value'],
] as const)('what somebody else refuses with %d is told as that', async (...said) => {
  const host = hostThat(said, [3]);
  await expect(raiseFence(host, { workspaceId, fence: 5 }, signal)).rejects.toThrow(said[1]);
});

it('the namespace of the records takes no pod that could leave it, from the start', async () => {
  const sent: unknown[] = [];
  const answer = { status: 201, body: { kind: 'Namespace' } };
  const request: TenantClient['request'] = async ({ body }) => (sent.push(body), answer);
  await makeNamespace({ request }, signal);
  expect(sent.map((body) => fieldOf(body, 'metadata', 'labels'))).toEqual([
    expect.objectContaining({ 'pod-security.kubernetes.io/enforce': 'restricted' }),
  ]);
});

/** Refuses each write; its record holds one fence after the other, and the last one from then on. */
function hostThat([status, message]: readonly [number, string], fences: readonly number[]): TenantClient {
  let reads = 0;
  const record = (): TenantResponse => {
    const fence = fences[Math.min(reads++, fences.length - 1)];
    return { status: 200, body: { metadata: { resourceVersion: '1' }, data: { fence: String(fence) } } };
  };
  return {
    request: async ({ method }) =>
      method === 'GET' ? record() : { status, body: { kind: 'Status', reason: '', message } },
  };
}
