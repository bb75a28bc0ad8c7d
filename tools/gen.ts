import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { authorizationMatrix } from './generate/authorization.ts';
import { commandReference } from './generate/commands.ts';
import { environmentTable } from './generate/environment.ts';
import { errorCatalogue } from './generate/errors.ts';
import { openApiText } from './generate/openapi.ts';
import { schemaText } from './generate/schema.ts';
import { root } from './run.ts';

/** `npm run gen` writes `docs/generated/`; `--check` fails when what is committed differs. */
const generators: Readonly<Record<string, () => string | Promise<string>>> = {
  'authz.txt': authorizationMatrix,
  'cli.md': commandReference,
  'environment.md': environmentTable,
  'errors.md': errorCatalogue,
  'openapi.json': openApiText,
  'schema.sql': schemaText,
};

const folder = join(root, 'docs/generated');
const checking = process.argv.includes('--check');
const stale: string[] = [];
await mkdir(folder, { recursive: true });
for (const [name, generate] of Object.entries(generators)) {
  const path = join(folder, name);
  const text = `${(await generate()).trimEnd()}\n`;
  if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
  stale.push(name);
  if (!checking) await writeFile(path, text);
}
const fresh = `${Object.keys(generators).length} generated files are fresh.`;
const hint = checking ? 'Stale: %; `npm run gen` writes them.' : 'Written: %';
process.stdout.write(`${stale.length === 0 ? fresh : hint.replace('%', stale.join(', '))}\n`);
process.exitCode = checking && stale.length > 0 ? 1 : 0;
