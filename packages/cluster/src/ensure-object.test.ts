import { isAppError } from '@hexabase/kernel/errors.ts';
import { expect, it } from 'vitest';
import { listWhichOnes, RefusedInsideError } from './ensure-object.ts';
import { KubeCallError } from './kube-api/call-errors.ts';
import type { TenantClient, TenantRequest } from './port.ts';

const namespaces = { path: '/api/v1/namespaces', signal: AbortSignal.timeout(60_000) };

function limitOf({ path }: TenantRequest): number {
  return Number(new URLSearchParams(path.split('?')[1]).get('limit'));
}

it('namespaces that somebody has made large are listed all the same, and nothing else of them is kept', async () => {
  const metadata = { name: 'shop', uid: 'u', annotations: { large: 'x' } };
  const client: TenantClient = {
    request: async (request) => {
      if (limitOf(request) > 5) throw new KubeCallError('large', 'too large');
      return { status: 200, body: { items: [{ metadata, spec: {} }] } };
    },
  };
  expect(await listWhichOnes({ client, ...namespaces })).toEqual([{ metadata: { name: 'shop', uid: 'u' } }]);
});

it.each([{}, 'welcome', { items: {} }])(
  'what answers but is no list is not taken for an empty one: %j',
  async (body) => {
    const client = { request: async () => ({ status: 200, body }) };
    await expect(listWhichOnes({ client, ...namespaces })).rejects.toThrow();
  },
);

it.each([
  ['a list that got too old', async () => ({ status: 410, body: { kind: 'Status', message: 'too old' } })],
  [
    'a cluster that does not answer',
    async () => {
      throw new KubeCallError('timeout', 'in time');
    },
  ],
])('%s is nobody’s refusal', async (_what, request) => {
  const error = await listWhichOnes({ client: { request }, ...namespaces }).catch((one: unknown) => one);
  expect(isAppError(error)).toBe(true);
  expect(error).not.toBeInstanceOf(RefusedInsideError);
});
