import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { storeMigrations } from '@hexabase/kubernetes/store/migrations.ts';
import { migrateDown, migrateUp, migrationStatus } from '@hexabase/postgres/migrate.ts';
import type { OpenedDatabase } from '@hexabase/postgres/open-database.ts';
import { readConfig, type ServerConfig } from '../config.ts';
import { ensureDataFolder, StartError } from '../lifecycle/data-folder.ts';
import { loadMasterKey } from '../lifecycle/master-key.ts';
import { readRunState } from '../lifecycle/run-file.ts';
import { openOperatorDatabase } from '../operator/open-operator-database.ts';
import { createMigration } from './create-migration.ts';

export const migrateUsage = `Usage: hexabase-migrate up
       hexabase-migrate down N [--yes]
       hexabase-migrate status
       hexabase-migrate create NAME

  --data-dir DIR     the installation (HKS_DATA_DIR); DATABASE_URL names an external database
  --yes              takes back migrations, and the data in their tables, without being asked again`;

const options = {
  'data-dir': { type: 'string' },
  yes: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** Runs one command of `hexabase-migrate`; answers what to print. Throws `StartError` for what the user can mend. */
export async function runMigrate(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const { values, positionals } = parse([...argv]);
  const [verb, argument, ...more] = positionals;
  if (values.help || verb === undefined) return migrateUsage;
  if (more.length > 0) throw new StartError(migrateUsage);
  const config = readConfig(values['data-dir'] === undefined ? {} : { dataDir: values['data-dir'] }, env);
  switch (verb) {
    case 'up':
      return up(config);
    case 'down':
      return down(config, { count: argument, confirmed: values.yes === true });
    case 'status':
      return status(config);
    case 'create':
      return `Wrote ${createMigration(migrationsFolder(), argument ?? '')}`;
    default:
      throw new StartError(`There is no command "${verb}".\n\n${migrateUsage}`);
  }
}

async function up(config: ServerConfig): Promise<string> {
  // The first roll-out on an external database migrates before anything was started: it makes the master key.
  ensureDataFolder(config.dataDir);
  loadMasterKey(config);
  const names = await withDatabase(config, (database) => migrateUp(database.owner, storeMigrations));
  return names.length === 0 ? 'Nothing to do: every migration is applied.' : `Applied ${names.join(', ')}`;
}

async function down(
  config: ServerConfig,
  asked: { count: string | undefined; confirmed: boolean },
): Promise<string> {
  const count = Number(asked.count ?? '1');
  if (!Number.isInteger(count) || count < 1)
    throw new StartError('`down` takes how many migrations to take back, 1 or more.');
  if (readRunState(config.dataDir))
    throw new StartError('Stop the server first (`./hks down`): it needs the schema that it started with.');
  if (!asked.confirmed) {
    throw new StartError(
      'Taking back a migration drops its tables and what is in them. Repeat with --yes when that is meant.',
    );
  }
  const names = await withDatabase(config, (database) => migrateDown(database.owner, count, storeMigrations));
  return names.length === 0 ? 'Nothing to take back.' : `Took back ${names.join(', ')}`;
}

async function status(config: ServerConfig): Promise<string> {
  const list = await withDatabase(config, (database) => migrationStatus(database.owner, storeMigrations));
  return list
    .map(({ name, appliedAt }) => `${appliedAt?.toISOString() ?? 'not applied             '}  ${name}`)
    .join('\n');
}

async function withDatabase<T>(
  config: ServerConfig,
  run: (database: OpenedDatabase) => Promise<T>,
): Promise<T> {
  await using database = await openOperatorDatabase(config, { migrate: 'skip' });
  return await run(database);
}

function migrationsFolder(): string {
  return fileURLToPath(new URL('./migrations/', import.meta.resolve('@hexabase/postgres/migrate.ts')));
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: true });
  } catch (error) {
    throw new StartError(`${error instanceof Error ? error.message : String(error)}\n\n${migrateUsage}`);
  }
}
