import type { Workspace } from '@hexabase/contract/workspace.ts';
import { expect, it } from 'vitest';
import { explain } from './why.ts';

type Condition = Workspace['conditions'][number];

function condition(type: string, status: Condition['status'], reason = '', message = ''): Condition {
  return { type, status, reason, message, observedGeneration: 1, lastTransitionTime: '2026-11-22T10:00:00Z' };
}

function explained(phase: Workspace['phase'], ...conditions: Condition[]): string[] {
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
    isolation: 'shared',
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
