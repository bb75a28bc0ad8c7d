import { expect, it } from 'vitest';
import { progressLine, stepsOf } from './progress.ts';

const at = '2026-01-01T00:00:00Z';
const intent = (step: string, message: string) => ({ step, attempt: 1, kind: 'intent', message, at });

it('every step of an operation is told in its words, also of one that was over before anybody asked', () => {
  const events = [
    intent('quota', 'Checking the plan'),
    { step: 'quota', attempt: 1, kind: 'done', message: '', at },
    intent('tenant-cluster', 'Starting the Kubernetes API'),
    intent('publish', 'Publishing the address'),
  ];
  expect(stepsOf({ events, progress: { step: 1, steps: 6, message: '' } })).toEqual([
    { step: 1, steps: 6, message: 'Checking the plan' },
    { step: 2, steps: 6, message: 'Starting the Kubernetes API' },
    { step: 3, steps: 6, message: 'Publishing the address' },
  ]);
});

it('a step is shown once, as a line of its own where there is no terminal', () => {
  const written: string[] = [];
  const line = progressLine(false, (text) => written.push(text));
  for (const step of [1, 1, 2, 1]) line.show({ step, steps: 2, message: `step ${step}` });
  line.end();
  expect(written).toEqual(['[1/2] step 1\n', '[2/2] step 2\n']);
});

it('on a terminal one line is rewritten, and cleared at the end', () => {
  const written: string[] = [];
  const line = progressLine(true, (text) => written.push(text));
  line.show({ step: 1, steps: 2, message: 'one' });
  line.end();
  expect(written).toEqual(['\r\u001b[K[1/2] one', '\r\u001b[K']);
});
