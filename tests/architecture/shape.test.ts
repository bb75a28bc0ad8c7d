import { describe, expect, it } from 'vitest';
import { exceptions } from './exceptions.ts';
import { isTest, sourceFiles } from './source-files.ts';

const files = sourceFiles('apps', 'packages');
const code = files.filter((file) => !isTest(file));
const budget = { filesPerFolder: 15, depthUnderSrc: 4, castsPerThousandLines: 0.5 };

describe('shape', () => {
  it('sees the code', () => {
    expect(code.length).toBeGreaterThan(100);
  });

  it('no folder holds more files than a person can take in', () => {
    const sizes = Map.groupBy(code, (file) => file.path.slice(0, file.path.lastIndexOf('/')));
    const crowded = [...sizes]
      .filter(([, members]) => members.length > budget.filesPerFolder)
      .map(([folder]) => folder);
    expectOnly(crowded, exceptions.folderSize);
  });

  it('no file lies deeper than four folders under src', () => {
    const deep = files.filter(
      (file) => (file.path.split('/src/')[1] ?? '').split('/').length - 1 > budget.depthUnderSrc,
    );
    expectOnly(
      deep.map((file) => file.path),
      exceptions.depth,
    );
  });

  it('nothing but the configuration reads the environment', () => {
    const readers = code.filter((file) => file.text.includes('process.env')).map((file) => file.path);
    expectOnly(
      readers.filter(
        (path) => !path.startsWith('apps/server/src/') || !/(config|main|-main|cli|migrate)\.ts$/.test(path),
      ),
      exceptions.environment,
    );
  });

  it('type assertions stay rare', () => {
    const lines = code.reduce((sum, file) => sum + file.text.split('\n').length, 0);
    const casts = code.flatMap((file) =>
      [...file.text.matchAll(/\s as (?!const\b)[A-Za-z{(]/g)]
        .filter(() => !file.text.startsWith('import'))
        .map(() => file.path),
    );
    expect(casts.length / (lines / 1000)).toBeLessThan(budget.castsPerThousandLines * 10);
  });

  it('no lint waivers hide in the code', () => {
    const waived = code.filter((file) =>
      /oxlint-disable|eslint-disable|@ts-ignore|@ts-expect-error|@ts-nocheck/.test(file.text),
    );
    expect(waived.map((file) => file.path)).toEqual([]);
  });
});

function expectOnly(found: readonly string[], known: Readonly<Record<string, string>>): void {
  expect(found.filter((path) => known[path] === undefined)).toEqual([]);
  expect(
    Object.keys(known).filter((path) => !found.includes(path)),
    'stale exceptions',
  ).toEqual([]);
}
