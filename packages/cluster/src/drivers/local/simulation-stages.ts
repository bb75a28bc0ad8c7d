const apiVersion = 'kwok.x-k8s.io/v1alpha1';
const isDeleted = (operator: 'Exists' | 'DoesNotExist') => ({
  key: '.metadata.deletionTimestamp',
  operator,
});
const notReady = {
  key: '.status.conditions.[] | select( .type == "Ready" ) | .status',
  operator: 'NotIn',
  values: ['True'],
};

const nodeStatus = `{{ $now := Now }}
phase: Running
addresses:
- {type: InternalIP, address: {{ NodeIP | Quote }}}
- {type: Hostname, address: {{ NodeName | Quote }}}
conditions:
{{ range NodeConditions }}
- {type: {{ .type | Quote }}, status: {{ .status | Quote }}, reason: {{ .reason | Quote }}, message: {{ .message | Quote }}, lastHeartbeatTime: {{ $now | Quote }}, lastTransitionTime: {{ $now | Quote }}}
{{ end }}
`;

const runningStatus = `{{ $now := Now }}
phase: Running
startTime: {{ $now | Quote }}
conditions:
- {type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }}}
- {type: ContainersReady, status: "True", lastTransitionTime: {{ $now | Quote }}}
- {type: Ready, status: "True", lastTransitionTime: {{ $now | Quote }}}
containerStatuses:
{{ range .spec.containers }}
- {name: {{ .name | Quote }}, image: {{ .image | Quote }}, imageID: "", ready: true, started: true, restartCount: 0, state: {running: {startedAt: {{ $now | Quote }}}}}
{{ end }}
{{ with .spec.initContainers }}
initContainerStatuses:
{{ range . }}
- {name: {{ .name | Quote }}, image: {{ .image | Quote }}, imageID: "", ready: true, restartCount: 0, state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}}
{{ end }}
{{ end }}
{{ with NodeIPsWith .spec.nodeName }}
hostIP: {{ index . 0 | Quote }}
{{ end }}
{{ with PodIPsWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) }}
podIP: {{ index . 0 | Quote }}
podIPs:
{{ range . }}
- {ip: {{ . | Quote }}}
{{ end }}
{{ end }}
`;

const completedStatus = `{{ $now := Now }}
phase: Succeeded
conditions:
- {type: ContainersReady, status: "False", reason: PodCompleted, lastTransitionTime: {{ $now | Quote }}}
- {type: Ready, status: "False", reason: PodCompleted, lastTransitionTime: {{ $now | Quote }}}
containerStatuses:
{{ range .spec.containers }}
- {name: {{ .name | Quote }}, image: {{ .image | Quote }}, imageID: "", ready: false, started: false, restartCount: 0, state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}}
{{ end }}
`;

/**
 * What simulated nodes do, as KWOK's Stage objects: a node is ready, a pod runs at once, the pod of a Job has ended well
 * after a second, and a pod that is deleted goes. KWOK has no stages of its own outside of its command line tool.
 */
export function simulationStages(): string {
  const stages = [
    stage('node-ready', 'Node', { matching: [notReady], next: { statusTemplate: nodeStatus } }),
    stage('pod-runs', 'Pod', {
      matching: [
        isDeleted('DoesNotExist'),
        // One that runs and is not ready was on a node that was taken for silent.
        { key: '.status.phase', operator: 'In', values: ['Pending', 'Running'] },
        notReady,
      ],
      next: { statusTemplate: runningStatus },
    }),
    stage('job-completes', 'Pod', {
      matching: [
        isDeleted('DoesNotExist'),
        { key: '.status.phase', operator: 'In', values: ['Running'] },
        { key: '.metadata.ownerReferences.[].kind', operator: 'In', values: ['Job'] },
      ],
      delayMs: 1000,
      next: { statusTemplate: completedStatus },
    }),
    stage('pod-goes', 'Pod', {
      matching: [isDeleted('Exists')],
      next: { delete: true },
    }),
  ];
  // JSON is YAML.
  return stages.map((one) => JSON.stringify(one)).join('\n---\n');
}

interface Behaviour {
  matching: object[];
  next: object;
  delayMs?: number;
}

function stage(name: string, kind: 'Node' | 'Pod', { matching, next, delayMs }: Behaviour): object {
  return {
    apiVersion,
    kind: 'Stage',
    metadata: { name },
    spec: {
      resourceRef: { apiGroup: 'v1', kind },
      selector: { matchExpressions: matching },
      ...(delayMs !== undefined && { delay: { durationMilliseconds: delayMs } }),
      next,
    },
  };
}
