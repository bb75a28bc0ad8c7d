import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root, sourceFiles } from './source-files.ts';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');

const hostSuites = sourceFiles('apps', 'packages', 'tests')
  .map(({ path }) => path)
  .filter((path) => path.endsWith('.host.test.ts'));

it('every suite on a real host has its turn in .ci/run, and every name there is that of a suite', () => {
  const script = read('.ci/run');
  const always = /^host_suites=\((.*)\)$/m.exec(script)?.[1] ?? '';
  const turns = /^host_turns=\(\n([^)]*)\n\)$/m.exec(script)?.[1] ?? '';
  const filters = `${always} ${turns}`
    .replaceAll("'", ' ')
    .split(/\s+/)
    .filter((word) => /^\w/.test(word));
  expect(filters.length).toBeGreaterThan(5);
  expect(hostSuites.filter((path) => !filters.some((filter) => path.includes(filter)))).toEqual([]);
  expect(filters.filter((filter) => !hostSuites.some((path) => path.includes(filter)))).toEqual([]);
});

it('every suite on a real host is in the table of its README', () => {
  const listed = [...read('tests/hostcluster/README.md').matchAll(/^\| `([\w./-]+?)(?:\/\*\*)?` \|/gm)].map(
    ([, place = '']) => place,
  );
  const inTable = (path: string): boolean => listed.some((place) => path.startsWith(place));
  expect(hostSuites.filter((path) => !inTable(path))).toEqual([]);
});
