import { expect, it } from 'vitest';
import { KubeCallError } from '../../../kube-api/call-errors.ts';
import type { TenantClient } from '../../../port.ts';
import { readProven } from './read.ts';

const signal = AbortSignal.timeout(60_000);
const wanted = { apiVersion: 'v1', kind: 'Namespace', name: 'x' };

function hostThat(body: unknown): TenantClient {
  return { request: async () => ({ status: 404, body }) };
}

it('only the API itself proves that something is not there: a 404 of a proxy before it does not', async () => {
  const gone = { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404 };
  expect(await readProven(hostThat(gone), wanted, signal)).toBeNull();
  for (const other of ['<html>404</html>', { error: 'no such route' }, { ...gone, reason: '' }, undefined])
    await expect(readProven(hostThat(other), wanted, signal)).rejects.toThrow(KubeCallError);
});
