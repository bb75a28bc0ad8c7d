import { storeMigrations } from '@hexabase/kubernetes/store/migrations.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import { openDatabase, type DatabaseOptions, type OpenedDatabase } from '@hexabase/postgres/open-database.ts';
import { urlsOf, type ServerUrls } from '../addresses.ts';
import type { ServerConfig } from '../config.ts';
import { requirePublicIssuer } from '../hosts/default-host.ts';
import { keepPublicUrl } from '../hosts/public-url.ts';
import { recallUrls } from './recall-urls.ts';

export interface InstallationOptions {
  config: ServerConfig;
  /** Where this process listens. */
  ports: { http: number; https: number };
  masterKey: Buffer;
  log: Logger;
}

export interface Installation {
  database: OpenedDatabase;
  /** With what earlier starts and other replicas agreed on. */
  config: ServerConfig;
  urls: ServerUrls;
}

/**
 * Opens the database, and finds out there which installation this process belongs to. What it opens is closed with
 * `opened`. Throws `StartError` for an address that this installation cannot have.
 */
export async function openInstallation(
  opened: AsyncDisposableStack,
  { config: given, ports, masterKey, log }: InstallationOptions,
): Promise<Installation> {
  const database = opened.use(
    await openDatabase({ connection: connectionOf(given), masterKey, log, migrations: storeMigrations }),
  );
  const config = await recallUrls(database, given);
  requirePublicIssuer(config);
  const urls = urlsOf(config, ports);
  await keepPublicUrl(database, config, urls.https);
  return { database, config, urls };
}

function connectionOf({ databaseUrl, dataDir }: ServerConfig): DatabaseOptions['connection'] {
  return databaseUrl ? { kind: 'url', url: databaseUrl } : { kind: 'embedded', dataDir };
}
