import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { storeMigrations } from '@hexabase/kubernetes/store/migrations.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { migrationStatus } from '@hexabase/postgres/migrate.ts';
import type { OpenedDatabase } from '@hexabase/postgres/open-database.ts';
import * as z from 'zod';
import type { ServerConfig } from '../config.ts';
import { findAuthority } from '../installation/authority.ts';
import { isKeyGiven, keyPath, loadMasterKey } from '../lifecycle/master-key.ts';
import { openOperatorDatabase, requireInstallation } from './open-operator-database.ts';

export interface Finding {
  what: string;
  ok: boolean;
  message: string;
}

const stored = z.object({ certPem: z.string() });

/** Looks at everything that a start depends on and changes nothing. */
export async function validateInstallation(config: ServerConfig, nowMs: number): Promise<Finding[]> {
  const key = await finding('master key', async () => {
    requireInstallation(config);
    loadMasterKey(config);
    return isKeyGiven(config)
      ? 'given from outside the data folder'
      : requirePrivate(keyPath(config.dataDir));
  });
  const server = await finding('server certificate', async () =>
    checkFile(join(config.dataDir, 'ca', 'server.json'), nowMs),
  );
  return [key, server, ...(await checkDatabase(config, nowMs))];
}

async function checkDatabase(config: ServerConfig, nowMs: number): Promise<Finding[]> {
  const migrations: Finding = { what: 'migrations', ok: false, message: 'not looked at' };
  const authority: Finding = { what: 'authority certificate', ok: false, message: 'not looked at' };
  const database = await finding('database', async () => {
    await using opened = await openOperatorDatabase(config, { migrate: 'skip' });
    await opened.ping();
    Object.assign(
      migrations,
      await finding('migrations', async () => {
        const status = await migrationStatus(opened.owner, storeMigrations);
        const missing = status
          .filter((migration) => migration.appliedAt === null)
          .map((migration) => migration.name);
        if (missing.length > 0)
          throw new Error(`not applied: ${missing.join(', ')}; run \`hexabase-migrate up\``);
        return `all ${status.length} applied`;
      }),
    );
    if (migrations.ok) Object.assign(authority, await finding(authority.what, () => checkAuthority(opened)));
    return 'answers';
  });
  return [database, migrations, authority];

  async function checkAuthority(opened: OpenedDatabase): Promise<string> {
    const vault = createKeyVault(loadMasterKey(config));
    const certPem = await findAuthority({ database: opened, vault, dir: join(config.dataDir, 'ca') });
    if (certPem === null) throw new Error('absent; the next start makes one');
    return checkCertificate(certPem, nowMs);
  }
}

function checkFile(path: string, nowMs: number): string {
  if (!existsSync(path)) throw new Error(`${path} is absent; the next start makes one`);
  requirePrivate(path);
  return checkCertificate(stored.parse(JSON.parse(readFileSync(path, 'utf8'))).certPem, nowMs);
}

function checkCertificate(certPem: string, nowMs: number): string {
  const { validTo } = new X509Certificate(certPem);
  if (Date.parse(validTo) < nowMs) throw new Error(`ended on ${validTo}; the next start makes a new one`);
  return `valid until ${validTo}`;
}

function requirePrivate(path: string): string {
  const mode = statSync(path).mode & 0o777;
  if ((mode & 0o077) !== 0)
    throw new Error(`${path} can be read by others (mode ${mode.toString(8)}); run: chmod 600 ${path}`);
  return 'present, private';
}

async function finding(what: string, look: () => Promise<string>): Promise<Finding> {
  try {
    return { what, ok: true, message: await look() };
  } catch (error) {
    return { what, ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}
