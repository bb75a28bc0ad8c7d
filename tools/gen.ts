import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { attackCatalogue } from './generate/attacks.ts';
import { authorizationMatrix } from './generate/authorization.ts';
import { commandReference } from './generate/commands.ts';
import { environmentTable } from './generate/environment.ts';
import { errorCatalogue } from './generate/errors.ts';
import { hostFiles } from './generate/host-files.ts';
import { openApiText } from './generate/openapi.ts';
import { schemaText } from './generate/schema.ts';
import { root } from './run.ts';

/**
 * `npm run gen` writes `docs/generated/` and what operators apply to a host; `--check` fails when what is committed
 * differs.
 */
const generators: Readonly<Record<string, () => string | Promise<string>>> = {
  'docs/generated/attacks.md': attackCatalogue,
  'docs/generated/authz.txt': authorizationMatrix,
  'docs/generated/cli.md': commandReference,
  'docs/generated/environment.md': environmentTable,
  'docs/generated/errors.md': errorCatalogue,
  'docs/generated/openapi.json': openApiText,
  'docs/generated/schema.sql': schemaText,
  ...hostFiles,
};

const checking = process.argv.includes('--check');
const stale: string[] = [];
for (const [name, generate] of Object.entries(generators)) {
  const path = join(root, name);
  const text = `${(await generate()).trimEnd()}\n`;
  if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
  stale.push(name);
  if (checking) continue;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}
const fresh = `${Object.keys(generators).length} generated files are fresh.`;
const hint = checking ? 'Stale: %; `npm run gen` writes them.' : 'Written: %';
process.stdout.write(`${stale.length === 0 ? fresh : hint.replace('%', stale.join(', '))}\n`);
process.exitCode = checking && stale.length > 0 ? 1 : 0;
