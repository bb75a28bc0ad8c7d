import { fixedClock } from '@hexabase/kernel/clock.ts';
import { expect, it } from 'vitest';
import type { TenantClient } from '../../../port.ts';
import type { Json } from '../host/objects.ts';
import { dnsLabels, namesOf } from '../names.ts';
import { workloadsRunning } from './workloads-running.ts';

// Objects as a host of Kubernetes 1.36 and a vCluster 0.36 have them, without what nobody reads.
const names = namesOf('01a20000-0000-7000-8000-00000000abcd');
const nowMs = Date.parse('2026-11-23T12:00:00Z');
const old = '2026-11-23T11:50:00Z';
const young = '2026-11-23T11:59:00Z';

interface Scene {
  /** Of the host, by the resource at the end of the path. */
  host?: Readonly<Record<string, readonly Json[]>>;
  tenant?: Readonly<Record<string, readonly Json[]>>;
  quota?: Json;
  refuse?: { resource: string; status: number };
  /** Since when the control plane is ready. */
  upSince?: string;
}

async function told(scene: Scene): Promise<{ says: string; asked: string[] }> {
  const asked: string[] = [];
  const clientOf = (who: 'host' | 'tenant'): TenantClient => ({
    request: async ({ path }) => {
      const [resource = '', query = ''] = path.slice(path.lastIndexOf('/') + 1).split('?');
      const selected = new URLSearchParams(query).get('fieldSelector') ?? '';
      asked.push(`${who} ${resource}${selected && ` ${selected}`}`);
      if (scene.refuse?.resource === `${who} ${resource}`) return { status: scene.refuse.status, body: {} };
      if (query.includes('app%3Dvcluster')) return { status: 200, body: { items: [controlPlane(scene)] } };
      if (resource === 'hexabase') return { status: 200, body: scene.quota ?? {} };
      return { status: 200, body: { items: scene[who]?.[resource] ?? [] } };
    },
  });
  const deps = {
    host: clientOf('host'),
    tenant: clientOf('tenant'),
    hostName: 'east',
    clock: fixedClock(nowMs),
  };
  const { type, status, reason, message } = await workloadsRunning(deps, names, AbortSignal.timeout(10_000));
  expect(type).toBe('WorkloadsRunning');
  return { says: `${status} ${reason}: ${message}`, asked };
}

function controlPlane({ upSince = old }: Scene): Json {
  const ready = { type: 'Ready', status: 'True', lastTransitionTime: upSince };
  return { metadata: { name: `${names.release}-0` }, status: { conditions: [ready] } };
}

let made = 0;

function pod(
  status: Json,
  { at = old, spec = {}, labels = {} }: { at?: string; spec?: Json; labels?: Json } = {},
): Json {
  const name = `web-${made++}-x-team-a-x-${names.release}`;
  const annotations = { 'vcluster.loft.sh/object-uid': `inside-${name}` };
  return { metadata: { name, uid: name, creationTimestamp: at, labels, annotations }, spec, status };
}

function waiting(reason: string, rest: Json = {}): Json {
  const state = { waiting: { reason, message: 'Back-off pulling image "secret.example/team-a:1"' } };
  return { phase: 'Pending', containerStatuses: [{ name: 'c', ready: false, state, ...rest }] };
}

function unscheduled(message: string): Json {
  const scheduled = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message };
  return { phase: 'Pending', conditions: [scheduled] };
}

function ended(reason: string): Json {
  return {
    phase: 'Running',
    ...waiting('CrashLoopBackOff', { lastState: { terminated: { reason, exitCode: 137 } } }),
  };
}

function claim(name: string, at = old): Json {
  const metadata = { name, uid: name, creationTimestamp: at };
  return { metadata, spec: { storageClassName: 'nowhere' }, status: { phase: 'Pending' } };
}

const classMissing = (name: string): Json => ({
  type: 'Warning',
  reason: 'ProvisioningFailed',
  message: 'storageclass.storage.k8s.io "nowhere" not found',
  involvedObject: { kind: 'PersistentVolumeClaim', name },
  lastTimestamp: '2026-11-23T11:59:00Z',
});

/** In the tenant, of a pod that has not come to the host. */
function missing(name: string, at = old): Json {
  return {
    metadata: { name, namespace: 'team-a', uid: name, creationTimestamp: at },
    status: { phase: 'Pending' },
  };
}

function refusal(name: string, words: string): Json {
  const involvedObject = { kind: 'Pod', namespace: 'team-a', name, uid: name };
  return {
    type: 'Warning',
    reason: 'SyncError',
    message: `Error syncing to host cluster: ${words}`,
    involvedObject,
  };
}

const overQuota =
  'pods "a-x-team-a-x-ws" is forbidden: exceeded quota: hexabase, requested: limits.cpu=2, used: limits.cpu=3, limited: limits.cpu=4';
const aboveLimit =
  'Pod "b-x-team-a-x-ws" is invalid: spec.containers[0].resources.requests: Invalid value: "1": must be less than or equal to cpu limit of 500m';

it('all runs: nothing but three lists is asked for, however many pods there are', async () => {
  const running = { phase: 'Running', containerStatuses: [{ ready: true, state: { running: {} } }] };
  const job = { phase: 'Failed', containerStatuses: [{ state: { terminated: { reason: 'OOMKilled' } } }] };
  const pods = [...Array.from({ length: 50 }, () => pod(running)), pod(job)];
  const bound = { ...claim('data'), status: { phase: 'Bound' } };
  expect(await told({ host: { pods, persistentvolumeclaims: [bound] } })).toEqual({
    says: 'True NoTrouble: ',
    asked: ['host pods', 'host persistentvolumeclaims', 'tenant pods status.phase=Pending'],
  });
});

it.each<[string, Scene, string]>([
  [
    'an image that cannot be had',
    { host: { pods: [pod(waiting('ImagePullBackOff')), pod(waiting('ErrImagePull'))] } },
    'An image cannot be had for 2 pods.',
  ],
  ['a crash', { host: { pods: [pod(ended('Error'))] } }, 'In 1 pod a container ends again and again.'],
  [
    'memory',
    { host: { pods: [pod(ended('OOMKilled'))] } },
    'In 1 pod a container needed more memory than its limit and was stopped.',
  ],
  [
    'a secret that is not there',
    { host: { pods: [pod(waiting('CreateContainerConfigError'))] } },
    'In 1 pod a container cannot be made.',
  ],
  [
    'no room',
    { host: { pods: [pod(unscheduled('0/1 nodes are available: 1 Insufficient cpu.'))] } },
    'No node takes 1 pod.',
  ],
  [
    'a claim whose class is not there, without a pod',
    { host: { persistentvolumeclaims: [claim('data')], events: [classMissing('data')] } },
    'For 1 claim there is no volume.',
  ],
  [
    'a claim that a pod waits for, told once',
    {
      host: {
        persistentvolumeclaims: [claim('data')],
        pods: [
          pod(unscheduled('0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.'), {
            spec: { volumes: [{ persistentVolumeClaim: { claimName: 'data' } }] },
          }),
        ],
      },
    },
    'For 1 claim there is no volume.',
  ],
  [
    'a claim that a pod names and nobody has made',
    {
      host: {
        pods: [
          pod(
            unscheduled(
              '0/1 nodes are available: persistentvolumeclaim "data-x-team-a" not found. preemption: …',
            ),
          ),
          pod(unscheduled('persistentvolumeclaim "old-x-team-a" is being deleted')),
        ],
      },
    },
    'A claim is missing for 2 pods.',
  ],
  [
    'the quota, in the words of the host',
    { tenant: { pods: [missing('a')], events: [refusal('a', overQuota)] } },
    'The quota of the workspace leaves no room for 1 pod.',
  ],
  [
    'a quota that is used up, where nobody says why a pod did not come',
    {
      tenant: { pods: [missing('a')] },
      quota: {
        status: {
          hard: { 'limits.cpu': '4', 'count/pods': '60', 'services.loadbalancers': '2' },
          used: { 'limits.cpu': '4000m', 'count/pods': '3', 'services.loadbalancers': '2' },
        },
      },
    },
    'The quota of the workspace leaves no room for 1 pod (used up: limits.cpu).',
  ],
  [
    'a request above the default limit',
    { tenant: { pods: [missing('b')], events: [refusal('b', aboveLimit)] } },
    'The host cluster does not take 1 pod.',
  ],
])('tells %s', async (_what, scene, sentence) => {
  expect((await told(scene)).says).toBe(`False InTrouble: ${sentence}`);
});

it('tells all of it at once, the worst first, without a name, an image or words of a tenant', async () => {
  const { says } = await told({
    host: {
      pods: [pod(waiting('ErrImagePull')), pod(ended('Error')), pod(ended('OOMKilled'))],
      persistentvolumeclaims: [claim('data-x-team-a')],
      events: [classMissing('data-x-team-a')],
    },
    tenant: {
      pods: [missing('a'), missing('b')],
      events: [refusal('a', overQuota), refusal('b', aboveLimit)],
    },
  });
  expect(says).toBe(
    'False InTrouble: The quota of the workspace leaves no room for 1 pod. The host cluster does not take 1 pod. ' +
      'For 1 claim there is no volume. An image cannot be had for 1 pod. ' +
      'In 1 pod a container needed more memory than its limit and was stopped. In 1 pod a container ends again and again.',
  );
  expect(says).not.toMatch(/team-a|web-|secret/);
});

it('says nothing of what just starts, ends, is copied, or has conditions of its own', async () => {
  const dns = pod(waiting('ErrImagePull'), { labels: dnsLabels(names.release) });
  const forged = pod(waiting('ErrImagePull'), { at: young, labels: { 'k8s-app': 'vcluster-kube-dns' } });
  const ending = pod(ended('Error'));
  const there = pod({ phase: 'Pending' });
  const { says } = await told({
    host: {
      pods: [dns, forged, there, { ...ending, metadata: { ...record(ending), deletionTimestamp: young } }],
      persistentvolumeclaims: [claim('new', young), claim('waits for its pod')],
    },
    tenant: {
      pods: [
        missing('new', young),
        { metadata: { ...record(there), uid: `inside-${record(there)['uid']}` } },
      ],
    },
  });
  expect(says).toBe('True NoTrouble: ');
});

it('what a control plane that has just started has not brought to the host yet is not refused there', async () => {
  const waited = { tenant: { pods: [missing('a')], events: [refusal('a', overQuota)] } };
  expect((await told({ ...waited, upSince: young })).says).toBe('True NoTrouble: ');
  expect((await told(waited)).says).toContain('leaves no room for 1 pod');
});

function record(object: Json): Json {
  return Object(object['metadata']);
}

it('a pod that only looks like the DNS of the workspace is told', async () => {
  const forged = pod(ended('Error'), {
    labels: { ...dnsLabels(names.release), 'vcluster.loft.sh/namespace': 'team-a' },
  });
  expect((await told({ host: { pods: [forged] } })).says).toContain('In 1 pod');
});

it.each([
  ['host pods', 403, 'Unknown Forbidden: The host cluster east does not let us see what runs in it.'],
  ['host persistentvolumeclaims', 500, 'Unknown NotLookedAt: Nobody could look at what runs in it.'],
  ['tenant pods', 503, 'Unknown NotLookedAt: Nobody could look at what runs in it.'],
])('what cannot be looked at (%s, %i) is unknown, and throws nothing', async (resource, status, says) => {
  expect((await told({ refuse: { resource, status } })).says).toBe(says);
});
