import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Names } from './names.ts';

const folder = join(import.meta.dirname, 'templates');

/** Names of the templates in a folder, without their ending. */
export async function templates(name: string): Promise<string[]> {
  const files = await readdir(join(folder, name));
  return files.map((file) => file.replace(/\.txt$/, '')).sort();
}

/** The text of a template with every `{{name}}` filled in. */
export async function fill(template: string, names: Names): Promise<string> {
  const words = new Map(Object.entries(names));
  const text = await readFile(join(folder, `${template}.txt`), 'utf8');
  return text.replace(/\{\{(\w+)\}\}/g, (whole, name: string) => words.get(name) ?? whole);
}
