import { describe, expect, it } from 'vitest';
import { conditionsOf, type Findings } from './conditions.ts';

function findings(changes: Partial<Findings>): Findings {
  return { hostName: 'east', pods: [], claims: [], events: [], nodes: [nodeThat('True')], ...changes };
}

function nodeThat(status: 'True' | 'Unknown', message = '') {
  return { metadata: { name: 'n1' }, status: { conditions: [{ type: 'Ready', status, message }] } };
}

function podWith(status: unknown, labels: Record<string, string> = {}) {
  return { metadata: { name: 'ws-0', labels }, spec: { nodeName: 'n1' }, status };
}

function sentences(changes: Partial<Findings>): string[] {
  return conditionsOf(findings(changes)).map(({ type, status, message }) => `${type} ${status}: ${message}`);
}

describe('what a host says of a tenant', () => {
  it('is nothing when nothing is wrong', () => {
    const running = podWith({
      conditions: [{ type: 'PodScheduled', status: 'True' }],
      containerStatuses: [
        { ready: true, state: { running: {} }, lastState: { terminated: { reason: 'OOMKilled' } } },
      ],
    });
    expect(sentences({ pods: [running], claims: [{ status: { phase: 'Bound' } }] })).toEqual([]);
  });

  it('names the image that cannot be had', () => {
    const waiting = { reason: 'ImagePullBackOff', message: 'no such host' };
    const pod = podWith({ initContainerStatuses: [{ image: 'r.example/k:v1', state: { waiting } }] });
    expect(sentences({ pods: [pod] })).toEqual([
      'ImagesPulled False: The image r.example/k:v1 for the control plane cannot be had: no such host.',
    ]);
  });

  it('names the workspace’s DNS when it is that', () => {
    const waiting = { reason: 'ErrImageNeverPull', message: '' };
    const pod = podWith(
      { containerStatuses: [{ image: 'dns:1', state: { waiting } }] },
      { 'k8s-app': 'vcluster-kube-dns' },
    );
    expect(sentences({ pods: [pod] })).toEqual([
      'ImagesPulled False: The image dns:1 for the workspace’s DNS cannot be had.',
    ]);
  });

  it('says nothing of a pod that was put out, once another one took its place', () => {
    const dns = { 'k8s-app': 'vcluster-kube-dns' };
    const evicted = podWith({ phase: 'Failed', reason: 'Evicted', message: 'low on disk' }, dns);
    const now = podWith(
      { phase: 'Running', containerStatuses: [{ ready: true, state: { running: {} } }] },
      dns,
    );
    const controlPlane = podWith({ phase: 'Running', containerStatuses: [] });
    expect(sentences({ pods: [evicted, now] })).toEqual([]);
    expect(sentences({ pods: [evicted, controlPlane] })).toEqual([
      'Running False: The node put the workspace’s DNS out: low on disk.',
    ]);
  });

  it('tells why there is no control plane, also while pods of the DNS are still there', () => {
    const dns = podWith({ phase: 'Running' }, { 'k8s-app': 'vcluster-kube-dns' });
    const refused = { reason: 'FailedCreate', message: 'exceeded quota: hexabase' };
    expect(sentences({ pods: [dns], events: [refused] })).toEqual([
      'WithinQuota False: The quota leaves no room for the control plane: exceeded quota: hexabase.',
    ]);
  });

  it('tells that no node has room, but not what the scheduler tries again at once', () => {
    const condition = { type: 'PodScheduled', status: 'False', message: '0/1 nodes are available.' };
    const pod = (reason: string) => podWith({ conditions: [{ ...condition, reason }] });
    expect(sentences({ pods: [pod('Unschedulable')] })).toEqual([
      'Scheduled False: No node of the host cluster east can take the control plane: 0/1 nodes are available.',
    ]);
    expect(sentences({ pods: [pod('SchedulerError')] })).toEqual([]);
  });

  it('tells memory from other crashes', () => {
    const crashed = (reason: string) =>
      podWith({
        containerStatuses: [
          {
            ready: false,
            restartCount: 3,
            state: { waiting: { reason: 'CrashLoopBackOff' } },
            lastState: { terminated: { reason, exitCode: 1, message: 'first\nlast words' } },
          },
        ],
      });
    expect(sentences({ pods: [crashed('OOMKilled')] })).toEqual([
      'Running False: The control plane needed more memory than it may have and was stopped; a larger plan gives it more.',
    ]);
    expect(sentences({ pods: [crashed('Error')] })).toEqual([
      'Running False: The control plane ends again and again (3 times, last with exit code 1): last words.',
    ]);
  });

  it('names a node that is silent or gone, and believes nothing older of what runs there', () => {
    const waiting = { reason: 'ErrImagePull', message: 'old' };
    const pod = podWith({ containerStatuses: [{ image: 'i:1', state: { waiting } }] });
    const silent = nodeThat('Unknown', 'Kubelet stopped posting node status.');
    expect(sentences({ pods: [pod], nodes: [silent] })).toEqual([
      'Running False: The node n1 that ran the control plane does not answer: Kubelet stopped posting node status.',
    ]);
    const dns = podWith({}, { 'k8s-app': 'vcluster-kube-dns' });
    expect(sentences({ pods: [pod, dns], nodes: [] })).toEqual([
      'Running False: The node n1 that ran the control plane is gone.',
    ]);
  });

  it('tells which volume waits and why, and is patient while nobody has complained', () => {
    const claim = {
      metadata: { name: 'data' },
      spec: { storageClassName: 'fast' },
      status: { phase: 'Pending' },
    };
    const complaint = {
      type: 'Warning',
      reason: 'ProvisioningFailed',
      message: 'no space',
      involvedObject: { kind: 'PersistentVolumeClaim', name: 'data' },
    };
    expect(sentences({ claims: [claim] })).toEqual([]);
    expect(sentences({ claims: [claim], events: [complaint] })).toEqual([
      'VolumesBound False: The volume data of storage class fast has not been made yet: no space.',
    ]);
    expect(sentences({ claims: [{ ...claim, spec: {} }] })).toEqual([
      'VolumesBound False: The volume data waits: the host cluster has no default storage class.',
    ]);
  });

  it.each([
    '0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/1 nodes are available.',
    "0/1 nodes are available: 1 node(s) didn't find available persistent volumes to bind.",
  ])('asks for the volume, not for nodes, where that is what the scheduler waits for: %s', (message) => {
    const claim = {
      metadata: { name: 'data' },
      spec: { storageClassName: 'fast' },
      status: { phase: 'Pending' },
    };
    const unscheduled = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message };
    const pods = [podWith({ conditions: [unscheduled] })];
    const asked = {
      type: 'Normal',
      reason: 'ExternalProvisioning',
      message: 'Waiting for a volume to be created by the external provisioner',
      involvedObject: { kind: 'PersistentVolumeClaim', name: 'data' },
    };
    const sentence = 'VolumesBound False: The volume data of storage class fast has not been made yet';
    expect(sentences({ pods, claims: [claim] })).toEqual([`${sentence}.`]);
    expect(sentences({ pods, claims: [claim], events: [asked] })).toEqual([`${sentence}: ${asked.message}.`]);
    expect(conditionsOf(findings({ pods, claims: [claim] }))[0]?.reason).toBe('VolumePending');
    expect(sentences({ pods, claims: [{ ...claim, status: { phase: 'Bound' } }] })[0]).toMatch(/^Scheduled/);
  });

  it('tells of a volume that its pod waits for on a node when nobody has made it for a minute', () => {
    const claim = {
      metadata: { name: 'data' },
      spec: { storageClassName: 'fast' },
      status: { phase: 'Pending' },
    };
    const askedUntil = (lastTimestamp: string) => ({
      type: 'Normal',
      reason: 'ExternalProvisioning',
      message: 'Waiting for disks.example',
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp,
      involvedObject: { kind: 'PersistentVolumeClaim', name: 'data' },
    });
    const said = (lastTimestamp: string) =>
      sentences({ claims: [claim], events: [askedUntil(lastTimestamp)] });
    expect(said('2026-01-01T00:00:59Z')).toEqual([]);
    expect(said('2026-01-01T00:01:00Z')).toEqual([
      'VolumesBound False: The volume data of storage class fast has not been made yet: Waiting for disks.example.',
    ]);
  });

  it('takes what is told of a volume from events about that one, the complaint before everything else', () => {
    const claim = {
      metadata: { name: 'data' },
      spec: { storageClassName: 'fast' },
      status: { phase: 'Pending' },
    };
    const told = (reason: string, change: object = {}) => ({
      type: 'Normal',
      reason,
      message: `told by ${reason}`,
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T01:00:00Z',
      involvedObject: { kind: 'PersistentVolumeClaim', name: 'data' },
      ...change,
    });
    const warning = told('ProvisioningFailed', { type: 'Warning', lastTimestamp: '2026-01-01T00:30:00Z' });
    const said = (...events: ReturnType<typeof told>[]) => sentences({ claims: [claim], events });
    const ofOthers = [
      { ...warning, involvedObject: { kind: 'Pod', name: 'data' } },
      { ...warning, involvedObject: { kind: 'PersistentVolumeClaim', name: 'data-of-another' } },
    ];
    expect(said(...ofOthers)).toEqual([]);
    expect(said(told('WaitForFirstConsumer'))).toEqual([]);
    expect(said(told('ExternalProvisioning'), warning, ...ofOthers)).toEqual([
      'VolumesBound False: The volume data of storage class fast has not been made yet: told by ProvisioningFailed.',
    ]);
  });

  it.each([
    [
      'memory, while nobody has started it again',
      { state: { terminated: { reason: 'OOMKilled' } } },
      'needed more memory than it may have and was stopped; a larger plan gives it more.',
    ],
    [
      'a container that cannot be made',
      { state: { waiting: { reason: 'CreateContainerConfigError', message: 'secret "x" not found' } } },
      'The container of the control plane cannot be made: secret "x" not found.',
    ],
  ])('tells %s', (_what, container, said) => {
    const [sentence = ''] = sentences({ pods: [podWith({ containerStatuses: [container] })] });
    expect(sentence).toContain('Running False: ');
    expect(sentence).toContain(said);
  });

  it('tells that the node put the pod out', () => {
    const pod = podWith({ reason: 'Evicted', message: 'The node was low on resource: memory.' });
    expect(sentences({ pods: [pod] })).toEqual([
      'Running False: The node put the control plane out: The node was low on resource: memory.',
    ]);
  });

  it.each([
    ['pods is forbidden: failed quota: hexabase: must specify limits.cpu', 'WithinQuota/QuotaExhausted'],
    ['admission webhook "x" denied the request', 'Running/Refused'],
  ])('tells why no pod is made, also where the event has but its own time: %s', (message, expected) => {
    const older = { reason: 'FailedCreate', message: 'exceeded quota', eventTime: '2026-01-01T00:00:00Z' };
    const events = [older, { reason: 'FailedCreate', message, eventTime: '2026-01-02T00:00:00Z' }];
    const [found] = conditionsOf(findings({ events }));
    expect(`${found?.type}/${found?.reason}`).toBe(expected);
    expect(found?.message).toContain(message);
  });

  it('tells an exhausted quota by the latest refusal, and only while there is no pod', () => {
    const refusal = (message: string, lastTimestamp: string) => ({
      reason: 'FailedCreate',
      message,
      lastTimestamp,
    });
    const events = [
      refusal('pods is forbidden: exceeded quota: hexabase', '2026-01-02T00:00:00Z'),
      refusal('something older', '2026-01-01T00:00:00Z'),
    ];
    expect(sentences({ events })).toEqual([
      'WithinQuota False: The quota leaves no room for the control plane: pods is forbidden: exceeded quota: hexabase.',
    ]);
    expect(sentences({ events, pods: [podWith({})] })).toEqual([]);
  });

  it('is unknown, and no failure, where we may not look', () => {
    expect(sentences({ pods: null, events: null, nodes: null })).toEqual([
      'HostVisible Unknown: The host cluster east does not let us see the pods and events and nodes of this workspace.',
    ]);
  });
});
