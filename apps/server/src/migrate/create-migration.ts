import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StartError } from '../lifecycle/data-folder.ts';

/**
 * Writes an empty migration with the next number into `folder`; answers its path.
 * Throws `StartError` for a name that is not kebab-case or is taken.
 */
export function createMigration(folder: string, name: string): string {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name))
    throw new StartError('Name a migration like `add-volumes`.');
  const files = readdirSync(folder).filter((file) => /^\d{4}-[a-z0-9-]+\.ts$/.test(file));
  if (files.some((file) => file.slice(5) === `${name}.ts`))
    throw new StartError(`There is a migration ${name} already.`);
  const last = Math.max(0, ...files.map((file) => Number(file.slice(0, 4))));
  const path = join(folder, `${String(last + 1).padStart(4, '0')}-${name}.ts`);
  if (existsSync(path)) throw new StartError(`${path} is there already.`);
  writeFileSync(path, template);
  return path;
}

const template = `/** SQL statements; all of them run in one transaction. Tables of tenants: see helpers/tenant-table.ts. */
export const up: string[] = [];

export const down: string[] = [];
`;
