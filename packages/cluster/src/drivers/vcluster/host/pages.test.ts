import { expect, it } from 'vitest';
import { KubeCallError } from '../../../kube-api/call-errors.ts';
import type { TenantClient } from '../../../port.ts';
import type { Json } from './objects.ts';
import { whichOne } from './of-tenants.ts';
import { readAll, readFirst } from './read.ts';

const signal = AbortSignal.timeout(60_000);
const podsOf = { apiVersion: 'v1', kind: 'Pod', namespace: 'hexabase-ws-x' };
const mib = 1024 * 1024;

/** A host with so many pods of so many bytes, which gives an answer that is too large for whoever asks up, as the client does. */
function hostWith(count: number, bytes: number): { host: TenantClient; largest: () => number } {
  let largest = 0;
  const request: TenantClient['request'] = async ({ path, answerBytesMax = 64 * mib }) => {
    const query = new URLSearchParams(path.split('?')[1]);
    const from = Number(query.get('continue') ?? 0);
    const to = Math.min(count, from + Number(query.get('limit')));
    if ((to - from) * bytes > answerBytesMax) throw new KubeCallError('large', 'too large');
    largest = Math.max(largest, (to - from) * bytes);
    const items = Array.from({ length: to - from }, (_, index) => pod(from + index));
    return { status: 200, body: { metadata: { continue: to < count ? String(to) : '' }, items } };
  };
  return { host: { request }, largest: () => largest };
}

function pod(index: number): Json {
  const env = [{ name: 'LARGE', value: 'x' }];
  return {
    metadata: { name: `p-${index}`, uid: `u-${index}`, annotations: { large: 'x' }, managedFields: [{}] },
    spec: { containers: [{ name: 'c', env }] },
  };
}

it('pods that fill an answer as none else do are read all the same, a few at a time, and nothing of them is kept that nobody reads', async () => {
  const { host, largest } = hostWith(200, 1.4 * mib);
  const pods = await readAll(host, { ...podsOf, keep: whichOne }, signal);
  expect(pods).toHaveLength(200);
  expect(pods[7]).toEqual({ metadata: { name: 'p-7', uid: 'u-7' } });
  expect(largest()).toBeLessThanOrEqual(8 * mib);
});

it('small ones take few requests, and no more than five hundred are read where no more is asked for', async () => {
  const { host } = hostWith(1_200, 1_000);
  expect(await readAll(host, podsOf, signal)).toHaveLength(1_200);
  const first = await readFirst(host, podsOf, signal);
  expect([first.items.length, first.isWhole]).toEqual([500, false]);
  const few = await readFirst(hostWith(500, 1_000).host, podsOf, signal);
  expect([few.items.length, few.isWhole]).toEqual([500, true]);
});

it('a list that got too old while it was read is read anew; one that is refused from its start is not', async () => {
  let asked = 0;
  const old: TenantClient = {
    request: async ({ path }) => {
      asked++;
      if (path.includes('continue=') && asked < 4) return { status: 410, body: {} };
      const next = path.includes('continue=') ? '' : 'next';
      return { status: 200, body: { metadata: { continue: next }, items: [pod(asked)] } };
    },
  };
  expect(await readAll(old, podsOf, signal)).toHaveLength(2);
  expect(asked).toBe(4);
  const gone: TenantClient = { request: async () => ({ status: 410, body: {} }) };
  await expect(readAll(gone, podsOf, signal)).rejects.toThrow('the list of Pod');
});
