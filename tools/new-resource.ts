import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from './run.ts';
import { insertSorted } from './scaffold/insert-line.ts';
import { namesOf, type Names } from './scaffold/names.ts';
import { fill, templates } from './scaffold/templates.ts';

/**
 * `npm run new-resource volume [-- --plural volumes]`: writes the files of a resource that belongs to an organization and
 * names it in the two lists. docs/guides/add-a-resource.md tells what to do next.
 */
const { values, positionals } = parseArgs({
  options: { plural: { type: 'string' } },
  allowPositionals: true,
});
const [noun, ...more] = positionals;
if (noun === undefined || more.length > 0) {
  process.stderr.write('Usage: npm run new-resource NOUN [-- --plural NOUNS]\n');
  process.exitCode = 1;
} else {
  await scaffold(namesOf(noun, values.plural));
}

async function scaffold(names: Names): Promise<void> {
  const files = await filesOf(names);
  const taken = Object.keys(files).filter((path) => existsSync(join(root, path)));
  if (taken.length > 0) throw new Error(`there already: ${taken.join(', ')}`);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  const { noun, plural, camel } = names;
  await edit('packages/contract/src/index.ts', [
    { line: `import { ${camel} } from './${noun}.ts';`, like: /^import \{ / },
    { line: `  ${camel},`, like: /^ {2}[a-zA-Z]+,$/ },
  ]);
  await edit('packages/features/src/index.ts', [
    { line: `import { ${camel}Feature } from './${plural}/feature.ts';`, like: /^import \{ .*feature\.ts/ },
    { line: `  ${camel}Feature,`, like: /^ {2}[a-zA-Z]+Feature,$/ },
  ]);
  const written = [
    ...Object.keys(files),
    'packages/contract/src/index.ts (one name)',
    'packages/features/src/index.ts (one name)',
  ];
  process.stdout.write(
    `${written.join('\n')}\n\nNext: \`npm run gen\`, then docs/guides/add-a-resource.md.\n`,
  );
}

async function filesOf(names: Names): Promise<Record<string, string>> {
  const migration = `packages/postgres/src/migrations/${await nextNumber()}-${names.plural}.ts`;
  const feature = (await templates('feature')).map((name) => [
    `packages/features/src/${names.plural}/${name}.ts`,
    `feature/${name}`,
  ]);
  const all = [
    [`packages/contract/src/${names.noun}.ts`, 'contract'],
    [migration, 'migration'],
    ...feature,
    [`tests/api/${names.plural}.test.ts`, 'api-test'],
  ];
  const texts = all.map(async ([path = '', template = '']) => [path, await fill(template, names)]);
  return Object.fromEntries(await Promise.all(texts));
}

async function nextNumber(): Promise<string> {
  const files = await readdir(join(root, 'packages/postgres/src/migrations'));
  const numbers = files.map((file) => Number(/^(\d{4})-/.exec(file)?.[1] ?? 0));
  return String(Math.max(...numbers) + 1).padStart(4, '0');
}

async function edit(path: string, changes: readonly { line: string; like: RegExp }[]): Promise<void> {
  const before = await readFile(join(root, path), 'utf8');
  const after = changes.reduce((text, { line, like }) => insertSorted(text, line, like), before);
  await writeFile(join(root, path), after);
}
