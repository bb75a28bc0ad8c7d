import type { Workspace } from '@hexabase/contract/workspace.ts';
import { expect, it } from 'vitest';
import { explain, stepsInWords } from './why.ts';

type Condition = Workspace['conditions'][number];

function condition(type: string, status: Condition['status'], reason = '', message = ''): Condition {
  return { type, status, reason, message, observedGeneration: 1, lastTransitionTime: '2026-11-22T10:00:00Z' };
}

function explained(phase: Workspace['phase'], ...conditions: Condition[]): string[] {
  return explainedOf('shared', phase, conditions);
}

function explainedOf(
  isolation: Workspace['isolation'],
  phase: Workspace['phase'],
  conditions: Condition[],
): string[] {
  const sleep = {
    wanted: false,
    reason: null,
    sleepAt: null,
    wakeAt: null,
    timeZone: 'UTC',
    idleMinutes: null,
    nextAt: null,
  };
  return explain({
    id: '01a20000-0000-7000-8000-00000000abcd',
    slug: 'shop',
    name: 'Shop',
    description: '',
    organizationId: 'o',
    plan: 'starter',
    region: 'local',
    isolation,
    phase,
    generation: 1,
    observedGeneration: 0,
    conditions,
    progress: null,
    kubernetesUrl: 'https://x',
    operationId: null,
    sleep,
    kubernetesVersion: null,
    runningVersion: null,
    clone: null,
    createdAt: '2026-11-22T10:00:00Z',
    deletionRequestedAt: null,
    deletionDueAt: null,
    deletionGraceMinutes: 0,
  }).split('\n');
}

const said = 'The vCluster chart x is not the one that was pinned. Nothing was changed.';

it('what was given up is told once, as a whole sentence, and is not in order', () => {
  const told = explained(
    'failed',
    condition('Accepted', 'True', 'WithinPlan', '2 CPU'),
    condition('Synced', 'False', 'ChartUnusable', said),
    condition('Stalled', 'True', 'ChartUnusable', said),
    condition('Ready', 'False', 'ChartUnusable', said),
  );
  expect(told.filter((line) => line.includes('pinned'))).toEqual([
    `- Synced is False (ChartUnusable): ${said}`,
  ]);
  expect(told.at(-1)).toBe('In order: Accepted.');
});

it('who has given up is told even where nothing else says why', () => {
  const told = explained('failed', condition('Stalled', 'True', 'StepFailed', 'It refuses us'));
  expect(told[1]).toBe('- Stalled is True (StepFailed): It refuses us.');
  expect(told[2]).toMatch(/^ {2}What to do: /);
});

it('a condition without words ends like every other', () => {
  expect(explained('asleep', condition('Asleep', 'True', 'Asked'))[1]).toBe('- Asleep is True (Asked).');
});

it('a right that could not be taken out of the cluster is told with what to do, beside a workspace that works', () => {
  const refused =
    "ClusterRoleBinding hexabase:assignment:x cannot be removed, and still gives what was taken away: The admission webhook keeps.example.test in the workspace's own cluster stands in the way: no.";
  const told = explained(
    'active',
    condition('Ready', 'True', 'AllStepsDone', 'The workspace is ready'),
    condition('AccessMirrored', 'False', 'RefusedInside', refused),
  );
  expect(told.slice(1)).toEqual([
    `- AccessMirrored is False (RefusedInside): ${refused}`,
    expect.stringMatching(/^ {2}What to do: .*webhook.*`hks workspace retry shop`/),
    'In order: Ready.',
  ]);
});

it('a dedicated workspace without a node is told which commands give it one, once; a shared one is told of taints', () => {
  const message =
    'No node of the host cluster east can take the control plane: 0/2 nodes are available: 2 node(s) didn\u2019t match.';
  const conditions = [
    condition('ControlPlaneReady', 'False', 'Unschedulable', message),
    condition('Scheduled', 'False', 'Unschedulable', message),
  ];
  const [, says, advice, ...rest] = explainedOf('dedicated', 'provisioning', conditions);
  expect(says).toBe(`- Scheduled is False (Unschedulable): ${message}`);
  const pool = 'hexabase.ai/pool=01a20000-0000-7000-8000-00000000abcd';
  expect(advice).toContain(
    `dedicated: it runs on nodes of its own alone, which an administrator of the host cluster gives it: \`kubectl taint node NODE ${pool}:NoSchedule\`, then \`kubectl label node NODE ${pool}\` (docs/operations/isolation.md`,
  );
  expect(advice).not.toContain('takes taints off');
  expect(rest).toEqual([]);
  expect(explainedOf('shared', 'provisioning', conditions)[2]).toContain('takes taints off');
});

const noImage =
  'The image registry.example/vcluster:1 for the control plane cannot be had: Back-off pulling image: not found.';

it('the same long error is told once, whichever conditions, steps and events say it', () => {
  const told = explained(
    'degraded',
    condition('ImagesPulled', 'False', 'ImagePullBackOff', noImage),
    condition('ControlPlaneReady', 'False', 'ImagePullBackOff', noImage),
    condition('Ready', 'False', 'ImagePullBackOff', noImage),
    condition('Upgraded', 'Unknown', 'Progressing', `Going to Kubernetes 1.36: ${noImage}`),
  );
  expect(told.filter((line) => line.includes('Back-off'))).toEqual([
    `- ImagesPulled is False (ImagePullBackOff): ${noImage}`,
  ]);
  expect(told).toContain('- Upgraded is Unknown (Progressing): Going to Kubernetes 1.36: see ImagesPulled.');
  const event = { step: 'wait-ready', attempt: 1, at: '2026-11-22T10:00:00Z' };
  const operation = {
    id: 'o',
    kind: 'workspace.upgrade',
    subject: 'workspace/x',
    organizationId: 'o',
    state: 'running' as const,
    progress: null,
    message: noImage,
    report: null,
    createdAt: event.at,
    finishedAt: null,
    events: [
      { ...event, kind: 'waited', message: noImage },
      { ...event, kind: 'failed', message: 'another one that is just as long as the first one' },
      { ...event, kind: 'failed', message: 'another one that is just as long as the first one' },
      { ...event, kind: 'done', message: '' },
    ],
  };
  expect(stepsInWords(operation, told.join('\n'))).toEqual([
    'Last operation workspace.upgrade: running – as told above',
    `  ${event.at}  wait-ready: waited – as told above`,
    `  ${event.at}  wait-ready: failed – another one that is just as long as the first one`,
    `  ${event.at}  wait-ready: failed – as told above`,
    `  ${event.at}  wait-ready: done`,
  ]);
});

it('pods in trouble are told beside a workspace that works, with the commands that name them', () => {
  const message = 'An image cannot be had for 3 pods. In 1 pod a container ends again and again.';
  const told = explained(
    'active',
    condition('Ready', 'True', 'AllStepsDone'),
    condition('WorkloadsRunning', 'False', 'InTrouble', message),
  );
  expect(told).toEqual([
    'Workspace shop is active. Its newest change is still being carried out.',
    `- WorkloadsRunning is False (InTrouble): ${message}`,
    expect.stringMatching(
      /`kubectl get pods,pvc -A`.*`kubectl -n NS describe pod POD`.*`hks workspace retry shop`/,
    ),
    'In order: Ready.',
  ]);
});
