import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '../..');

export interface SourceFile {
  /** From the checkout's root, with `/`. */
  path: string;
  text: string;
}

const skipped = new Set(['node_modules', 'dist', 'generated', '.next', 'out']);

/** Every TypeScript file below these folders of the checkout, tests included. */
export function sourceFiles(...folders: string[]): SourceFile[] {
  return folders.flatMap((folder) => walk(join(root, folder)));
}

function walk(folder: string): SourceFile[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : walk(path);
    if (!entry.name.endsWith('.ts') && !entry.name.endsWith('.tsx')) return [];
    return [{ path: relative(root, path), text: readFileSync(path, 'utf8') }];
  });
}

export function isTest(file: SourceFile): boolean {
  return file.path.endsWith('.test.ts') || file.path.startsWith('tests/');
}

/** What a file imports, as written: from `import … from`, `export … from` and `import(…)`. */
export function importsOf(file: SourceFile): string[] {
  const pattern = /(?:\bfrom\s*|\bimport\s*\(\s*|^import\s+)['"]([^'"]+)['"]/gm;
  return [...file.text.matchAll(pattern)].flatMap((match) => (match[1] === undefined ? [] : [match[1]]));
}
