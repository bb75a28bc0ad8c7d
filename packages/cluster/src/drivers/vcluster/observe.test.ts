import { systemClock } from '@hexabase/kernel/clock.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { expect, it } from 'vitest';
import type { TenantClient, TenantState } from '../../port.ts';
import type { Json } from './host/objects.ts';
import { dnsLabels, namesOf, ownerLabels } from './names.ts';
import { observeTenant } from './observe.ts';

const id = newId<'Workspace'>();
const { namespace, release } = namesOf(id);

/** What the API of a cluster answers, by the end of the path; lists of anything else are empty. */
function cluster(answers: Readonly<Record<string, unknown>>): TenantClient {
  return {
    request: async ({ path }) => {
      const [pathname = '', query = ''] = path.split('?');
      const asked = query.includes('k8s-app') ? `${pathname} of the DNS` : pathname;
      const found = Object.entries(answers).find(([end]) => asked.endsWith(end));
      return { status: 200, body: found ? found[1] : { items: [] } };
    },
  };
}

function dnsPod(name: string, status: Json): Json {
  return { metadata: { name, labels: dnsLabels(release) }, spec: { nodeName: 'n1' }, status };
}

/** What is told of a workspace whose API answers. */
async function told(pods: readonly Json[]): Promise<unknown> {
  const state = await observed(pods, { ofDns: pods });
  return state.kind === 'present' ? [state.ready, state.conditions] : state;
}

async function observed(
  pods: readonly Json[],
  { ofDns, answers = true }: { ofDns: readonly Json[]; answers?: boolean },
): Promise<TenantState> {
  const host = cluster({
    [`/namespaces/${namespace}`]: { metadata: { name: namespace, uid: 'u', labels: ownerLabels(id) } },
    [`/statefulsets/${release}`]: {
      metadata: { generation: 1 },
      spec: { replicas: 1 },
      status: { observedGeneration: 1, readyReplicas: 1, updatedReplicas: 1, replicas: 1 },
    },
    '/nodes/n1': { metadata: { name: 'n1' }, status: { conditions: [{ type: 'Ready', status: 'True' }] } },
    '/pods of the DNS': { items: ofDns },
    '/pods': { items: pods },
  });
  const tenant = cluster({ '/readyz': 'ok', '/version': answers ? { gitVersion: 'v1.36.0' } : {} });
  const deps = { clock: systemClock, host, hostName: 'east', clientOf: () => tenant };
  return await observeTenant(deps, id, AbortSignal.timeout(10_000));
}

const evicted = dnsPod('old', { phase: 'Failed', reason: 'Evicted', message: 'low on disk' });

it('pods of the tenant are told apart from the tenant, which is as ready as before', async () => {
  const crashing: Json = {
    metadata: { name: 'web', creationTimestamp: '2026-11-01T10:00:00Z' },
    status: { containerStatuses: [{ ready: false, state: { waiting: { reason: 'CrashLoopBackOff' } } }] },
  };
  const dns = dnsPod('dns', { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] });
  const state = await observed([dns, crashing], { ofDns: [dns] });
  expect(state).toMatchObject({
    ready: true,
    conditions: [],
    workloads: { type: 'WorkloadsRunning', status: 'False', reason: 'InTrouble' },
  });
  expect(await observed([crashing], { ofDns: [], answers: false })).not.toHaveProperty('workloads');
});

it('a DNS that was put out is told until another one runs, not as long as its pod is kept', async () => {
  expect(await told([evicted])).toEqual([true, [expect.objectContaining({ reason: 'Evicted' })]]);
  const now = dnsPod('new', { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] });
  expect(await told([evicted, now])).toEqual([true, []]);
});
