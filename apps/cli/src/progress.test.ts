import { expect, it } from 'vitest';
import { progressLine, stepsOf } from './progress.ts';

const event = (
  step: string,
): { step: string; attempt: number; kind: string; message: string; at: string } => ({
  step,
  attempt: 1,
  kind: 'intent',
  message: '',
  at: '2026-01-01T00:00:00Z',
});

it('every step of an operation is told, also of one that was over before anybody asked', () => {
  const events = ['quota', 'quota', 'tenant-cluster', 'publish'].map(event);
  expect(stepsOf({ events, progress: { step: 1, steps: 6, message: '' } })).toEqual([
    { step: 1, steps: 6, message: 'Quota' },
    { step: 2, steps: 6, message: 'Tenant cluster' },
    { step: 3, steps: 6, message: 'Publish' },
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
