import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createMigration } from './create-migration.ts';

it('a new migration comes after every other, and its name is taken once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hks-migrations-'));
  try {
    await writeFile(join(folder, '0021-workspaces.ts'), '');
    createMigration(folder, 'add-volumes');
    expect((await readdir(folder)).sort()).toEqual(['0021-workspaces.ts', '0022-add-volumes.ts']);
    expect(() => createMigration(folder, 'add-volumes')).toThrow('already');
    expect(() => createMigration(folder, 'Add Volumes')).toThrow('Name a migration');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
