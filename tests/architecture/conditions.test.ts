import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { adviceByReason } from '@hexabase/contract/advice/condition-advice.ts';
import { root, sourceFiles } from './source-files.ts';

const page = readFileSync(join(root, 'docs/operations/conditions.md'), 'utf8');

it('docs/operations/conditions.md tells what to do for every reason that we have advice for', () => {
  const reasons = Object.keys(adviceByReason);
  expect(reasons.length).toBeGreaterThan(15);
  expect(reasons.filter((reason) => !page.includes(`\`${reason}\``))).toEqual([]);
});

it('docs/operations/conditions.md names every condition that workspaces have', () => {
  const sources = sourceFiles('packages/features/src/workspaces/reconcile', 'packages/cluster/src/drivers');
  const types = sources.flatMap(({ path, text }) =>
    path.includes('.test.') || path.includes('/policies/')
      ? []
      : [...text.matchAll(/(?:type: |failed\()'([A-Z][A-Za-z]+)'/g)].map((match) => match[1] ?? ''),
  );
  const ours = [...new Set(types)].filter((type) => type !== 'Container');
  expect(ours.length).toBeGreaterThan(6);
  expect(ours.filter((type) => !page.includes(`\`${type}\``))).toEqual([]);
});
