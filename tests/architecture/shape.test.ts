import { describe, expect, it } from 'vitest';
import { exceptions } from './exceptions.ts';
import { isTest, sourceFiles } from './source-files.ts';
import { stripText } from './strip-text.ts';

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
    const casts = code.flatMap((file) => castsOf(file.text).map(() => file.path));
    expect(
      castsOf('const a = b as Text; const c = `select d as e`; // f as g\nimport { h as i } from "j";'),
    ).toHaveLength(1);
    expect(casts.length, casts.join('\n')).toBeLessThanOrEqual(budget.castsPerThousandLines * (lines / 1000));
  });

  it('no lint waivers hide in the code', () => {
    const waived = code.filter((file) =>
      /oxlint-disable|eslint-disable|@ts-ignore|@ts-expect-error|@ts-nocheck/.test(file.text),
    );
    expect(waived.map((file) => file.path)).toEqual([]);
  });
});

/** `x as T`, apart from `as const`. */
function castsOf(text: string): string[] {
  return (
    stripText(text)
      .replace(/^(import|export) (type )?[*{][^;]*;/gm, '')
      .match(/\sas\s+(?!const\b)[A-Za-z{([]/g) ?? []
  );
}

function expectOnly(found: readonly string[], known: Readonly<Record<string, string>>): void {
  expect(found.filter((path) => known[path] === undefined)).toEqual([]);
  expect(
    Object.keys(known).filter((path) => !found.includes(path)),
    'stale exceptions',
  ).toEqual([]);
}
