import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { adviceByReason, adviceFor } from '@hexabase/contract/advice/condition-advice.ts';
import { root, sourceFiles } from './source-files.ts';

const page = readFileSync(join(root, 'docs/operations/conditions.md'), 'utf8');

it('docs/operations/conditions.md tells what to do for every reason that we have advice for', () => {
  const reasons = Object.keys(adviceByReason);
  expect(reasons.length).toBeGreaterThan(15);
  expect(reasons.filter((reason) => !page.includes(`\`${reason}\``))).toEqual([]);
});

it('docs/operations/conditions.md names every condition that workspaces have', () => {
  const sources = sourceFiles(
    'packages/features/src/access/reconcile',
    'packages/features/src/workspaces/reconcile',
    'packages/cluster/src/drivers',
  );
  const types = sources.flatMap(({ path, text }) =>
    path.includes('.test.') || path.includes('/policies/')
      ? []
      : [...text.matchAll(/(?:type: |failed\()'([A-Z][A-Za-z]+)'/g)].map((match) => match[1] ?? ''),
  );
  const ours = [...new Set(types)].filter((type) => type !== 'Container');
  expect(ours.length).toBeGreaterThan(6);
  expect(ours.filter((type) => !page.includes(`\`${type}\``))).toEqual([]);
});

const someWorkspace = { id: 'i', slug: 'x', isolation: 'shared' } as const;

/** Reasons of what is in order, or of what has another page. */
const needNoAdvice: ReadonlySet<string> = new Set([
  'AllStepsDone',
  // What to do stands with the condition of that name.
  'Asleep',
  'Awake',
  'InPlace',
  'NothingEnded',
  'Published',
  'Resolved',
  'RolesInPlace',
  'WithinPlan',
  // Of an answer to kubectl, not of a condition.
  'NotFound',
]);

it('every reason that a workspace or its driver can give stands in docs/operations/conditions.md, with advice', () => {
  const sources = sourceFiles(
    'packages/cluster/src/drivers',
    'packages/features/src/access/reconcile',
    'packages/features/src/workspaces',
    'packages/features/src/projects/reconcile',
    'packages/reconcile/src',
  ).filter(({ path }) => !path.includes('.test.') && !path.includes('/policies/'));
  const said =
    /(?:reason: |failed\('\w+', |\w+\(\s*'(?:False|Unknown)',\s*|refused\(|mirrored\('\w+', )'([A-Z][A-Za-z]+)'/g;
  const conflicts = sourceFiles('packages/cluster/src').filter(({ path }) => path.endsWith('src/port.ts'));
  const reasons = new Set(
    [
      ...sources.flatMap(({ text }) => [...text.matchAll(said)]),
      // `TenantConflictReason`: what a driver refuses for good.
      ...conflicts.flatMap(({ text }) => [...text.matchAll(/^\s+\| '([A-Z][A-Za-z]+)'/gm)]),
    ].map((match) => match[1] ?? ''),
  );
  for (const reason of needNoAdvice) expect(reasons.delete(reason), reason).toBe(true);
  expect(reasons.size).toBeGreaterThan(30);
  const missing = [...reasons].filter(
    (reason) =>
      !page.includes(`\`${reason}\``) ||
      adviceFor({ type: 'Any', status: 'False', reason }, someWorkspace) === null,
  );
  expect(missing).toEqual([]);
});

/** Reasons of what is in order. */
const inOrder: ReadonlySet<string> = new Set([
  'AllChecksPassed',
  'Answers',
  'AsTheyShouldBe',
  'BuiltIn',
  'ClassFound',
  'Closed',
  'Enough',
  'Everything',
  'FirstSeen',
  'Fitting',
  'NewEnough',
  'PluginKnown',
  'ProgramFound',
  'Reached',
  'Same',
  'Served',
  'Tried',
  'Trusted',
  'Usable',
]);

it('every check of a host cluster and every reason of one stands in docs/operations/conditions.md', () => {
  const sources = sourceFiles(
    'packages/cluster/src/host',
    'packages/features/src/host-clusters',
    'apps/server/src/operator',
  ).filter(
    ({ path, text }) =>
      (!path.includes('.test.') && text.includes('host-check.ts')) || path.endsWith('/host-check.ts'),
  );
  const words = (pattern: RegExp): string[] =>
    sources.flatMap(({ text }) =>
      [...text.matchAll(pattern)].flatMap((match) => match.slice(1)).filter((word) => word !== undefined),
    );
  const reasons = new Set([
    ...words(/reason: '([A-Z][A-Za-z]+)'/g),
    ...words(/\? '([A-Z][A-Za-z]+)' : '([A-Z][A-Za-z]+)'/g),
  ]);
  for (const reason of inOrder) expect(reasons.delete(reason), reason).toBe(true);
  expect(reasons.size).toBeGreaterThan(20);
  const types = words(/^ +\| '([A-Z][A-Za-z]+)'/gm);
  expect(types.length).toBeGreaterThan(10);
  expect([...reasons, ...types].filter((word) => !page.includes(`\`${word}\``))).toEqual([]);
});
