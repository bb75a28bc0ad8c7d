import { newId } from '@hexabase/kernel/id.ts';
import { expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { TenantClient } from '../../port.ts';
import { note } from './names.ts';
import { unsettledDns } from './unsettled.ts';

const signal = AbortSignal.timeout(60_000);
const image = 'registry.example/coredns:2';

/** What the API of a cluster answers, by the end of the path. */
function cluster(answers: Readonly<Record<string, unknown>>): TenantClient {
  return {
    request: async ({ path }) => {
      const [pathname = ''] = path.split('?');
      const found = Object.entries(answers).find(([end]) => pathname.includes(end));
      return found ? { status: 200, body: found[1] } : { status: 404, body: { reason: 'NotFound' } };
    },
  };
}

function lacking(pod: { image: string; reason: string }) {
  const values = {
    controlPlane: { coredns: { deployment: { annotations: { [note.values]: 'wanted' }, image } } },
  };
  const host = cluster({
    '/secrets/': { data: { 'config.yaml': Buffer.from(stringify(values)).toString('base64') } },
    '/pods': {
      items: [
        {
          spec: { containers: [{ name: 'coredns', image: pod.image }] },
          status: { containerStatuses: [{ name: 'coredns', state: { waiting: { reason: pod.reason } } }] },
        },
      ],
    },
  });
  const tenant = cluster({
    '/deployments/coredns': {
      metadata: { generation: 2, annotations: { [note.values]: 'wanted' } },
      spec: { replicas: 1 },
      status: { observedGeneration: 2, replicas: 1, updatedReplicas: 1, availableReplicas: 0 },
    },
  });
  return unsettledDns({ host, clientOf: () => tenant }, newId<'Workspace'>(), signal);
}

it('a DNS that does not run is ours when the image that we gave cannot be had, and else perhaps its tenant’s', async () => {
  const why = 'its DNS does not run';
  expect(await lacking({ image, reason: 'ImagePullBackOff' })).toEqual({ why, isOurs: true });
  expect(await lacking({ image: 'mine:1', reason: 'ImagePullBackOff' })).toEqual({ why, isOurs: false });
  expect(await lacking({ image, reason: 'CrashLoopBackOff' })).toEqual({ why, isOurs: false });
});
