import { silentLogger } from '@hexabase/kernel/log.ts';
import { storeMigrations } from '@hexabase/kubernetes/store/migrations.ts';
import { rolePassword } from '@hexabase/postgres/connection.ts';
import { prepareFolders } from '@hexabase/postgres/embedded/folders.ts';
import { superuser } from '@hexabase/postgres/embedded/initialize.ts';
import { connectDatabase, openDatabase, type OpenedDatabase } from '@hexabase/postgres/open-database.ts';
import type { ServerConfig } from '../config.ts';
import { StartError } from '../lifecycle/data-folder.ts';
import { isInstallation, loadMasterKey } from '../lifecycle/master-key.ts';
import { readRunState } from '../lifecycle/run-file.ts';

export interface OperatorAccess {
  /** `apply` brings a stopped installation up to this version first; a running or external one is never migrated here. */
  migrate: 'apply' | 'skip';
}

const poolSizes = { api: 2, worker: 2, identity: 2 };

/**
 * Opens the installation's database for an operator: the external one, that of the running server through its socket,
 * or an embedded server that runs only until this is disposed.
 * Throws `StartError` when the data folder holds no installation.
 */
export async function openOperatorDatabase(
  config: ServerConfig,
  access: OperatorAccess,
): Promise<OpenedDatabase> {
  requireInstallation(config);
  const masterKey = loadMasterKey(config);
  const shared = { masterKey, log: silentLogger, poolSizes };
  if (config.databaseUrl !== undefined) {
    return openDatabase({ ...shared, connection: { kind: 'url', url: config.databaseUrl }, migrate: 'skip' });
  }
  if (readRunState(config.dataDir)) return connectToRunning(config.dataDir, masterKey);
  return openDatabase({
    ...shared,
    connection: { kind: 'embedded', dataDir: config.dataDir },
    migrations: storeMigrations,
    migrate: access.migrate,
  });
}

/** Throws `StartError` when nothing was ever started on this folder: an operator's typing error must not make one. */
export function requireInstallation(config: ServerConfig): void {
  if (isInstallation(config)) return;
  throw new StartError(
    `${config.dataDir} holds no installation. Name the right one with --data-dir, or make one with \`./hks up\`.`,
  );
}

async function connectToRunning(dataDir: string, masterKey: Buffer): Promise<OpenedDatabase> {
  const { socket } = await prepareFolders(dataDir);
  const password = rolePassword(masterKey, superuser);
  const admin = { host: socket, port: 5432, user: superuser, password, database: 'hexabase' };
  return connectDatabase({ admin, masterKey, log: silentLogger, embedded: null, poolSizes });
}
