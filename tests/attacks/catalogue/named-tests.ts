import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../../..');

export interface NamedTest {
  /** Of the catalogue. */
  id: string;
  /** As written, with its id; tests of many rows have `%s` and `$name` in it. */
  title: string;
  /** From the checkout's root. */
  file: string;
}

/** Every test, wherever it lies, whose name begins with an id of the catalogue; in the order of ids. */
export function namedTests(): NamedTest[] {
  const files = globSync('{apps,packages,tests}/**/*.test.ts', {
    cwd: root,
    exclude: (path) => path.endsWith('node_modules'),
  });
  return files
    .flatMap((file) => testsIn(file.replaceAll('\\', '/')))
    .sort((a, b) => (a.title < b.title ? -1 : a.title > b.title ? 1 : 0));
}

/** `test('A01 …'`, also over lines and after `.each(…)`; a `describe` is no test. */
const named = /(?<!describe)\(\s*'([A-E]\d\d) ((?:[^'\\\n]|\\.)+)'\s*,/g;

function testsIn(file: string): NamedTest[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(named)].map(([, id = '', rest = '']) => ({
    id,
    title: `${id} ${rest.replaceAll("\\'", "'")}`,
    file,
  }));
}
