import { describe, expect, it } from 'vitest';
import { exceptions } from './exceptions.ts';
import { mayImport, narrower } from './import-table.ts';
import { importsOf, isTest, sourceFiles, type SourceFile } from './source-files.ts';

const files = sourceFiles('apps', 'packages');

describe('imports', () => {
  it('sees the code', () => {
    expect(files.length).toBeGreaterThan(100);
    expect(files.flatMap(importsOf).length).toBeGreaterThan(300);
  });

  it('every room is in the import table', () => {
    expect([...new Set(files.map(roomOf))].sort()).toEqual(Object.keys(mayImport).sort());
  });

  it('nobody imports a room that the table does not allow', () => {
    const broken = files.flatMap((file) => violations(file).map((target) => `${file.path} → ${target}`));
    const known = Object.keys(exceptions.imports);
    expect(broken.filter((line) => !known.includes(line))).toEqual([]);
    expect(
      known.filter((line) => !broken.includes(line)),
      'stale exceptions',
    ).toEqual([]);
  });

  it('a planted violation is caught', () => {
    const planted = {
      path: 'packages/kernel/src/x.ts',
      text: "import { y } from '@hexabase/postgres/database.ts';",
    };
    expect(violations(planted)).toEqual(['postgres']);
    const reaching = {
      path: 'packages/cluster/src/port.ts',
      text: "import { y } from '@hexabase/kubernetes/types.ts';",
    };
    expect(violations(reaching)).toEqual(['kubernetes']);
  });

  it('a relative import never leaves its room', () => {
    const leaving = files.filter((file) =>
      importsOf(file).some(
        (target) => target.startsWith('.') && depthOf(file) < target.split('../').length - 1,
      ),
    );
    expect(leaving.map((file) => file.path)).toEqual([]);
  });

  it('SQL is written in store files only', () => {
    const offenders = files.filter(
      (file) =>
        file.path.startsWith('packages/features/') &&
        !isTest(file) &&
        !/(store|reconcile\/|run\/|operations\/|events\/)/.test(file.path) &&
        importsOf(file).includes('kysely'),
    );
    expect(offenders.map((file) => file.path)).toEqual([]);
  });
});

function roomOf(file: SourceFile): string {
  return file.path.split('/').slice(0, 2).join('/');
}

function violations(file: SourceFile): string[] {
  const room = roomOf(file);
  const own = room.split('/')[1];
  const allowed = mayImport[room] ?? [];
  const refused = narrower
    .filter((rule) => rule.files.test(file.path) && !isTest(file))
    .flatMap((rule) => rule.mayNot);
  const targets = importsOf(file).flatMap((target) => /^@hexabase\/([a-z]+)\//.exec(target)?.[1] ?? []);
  return targets.filter((target) => {
    if (target === 'kernel' || target === own) return false;
    if (isTest(file) && (target === 'testkit' || room !== 'packages/kernel')) return false;
    return !allowed.includes(target) || refused.includes(target);
  });
}

/** How many folders up a file may go and stay in its package. */
function depthOf(file: SourceFile): number {
  return file.path.split('/').length - 3;
}
