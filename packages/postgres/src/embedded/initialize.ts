import { spawn } from 'node:child_process';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '@hexabase/kernel/errors.ts';
import { giveTo, type ServerFolders, type ServerUser } from './folders.ts';

/** The superuser of the embedded server; used for nothing but making roles and the database. */
export const superuser = 'hexabase_root';

/**
 * Makes the data folder when there is none. It is made under another name and renamed, so that a crash during the first
 * start leaves nothing half made.
 */
export async function initialize(folders: ServerFolders, binaries: string, password: string): Promise<void> {
  const half = `${folders.data}.new`;
  await rm(half, { recursive: true, force: true });
  if (await isMade(folders.data)) return;
  const passwordFile = path.join(folders.root, 'initdb-password');
  await mkdir(half, { mode: 0o700 });
  try {
    await giveTo(folders.user, half);
    await writeFile(passwordFile, password, { mode: 0o600 });
    await giveTo(folders.user, passwordFile);
    await run(path.join(binaries, 'bin', 'initdb'), initArguments(half, passwordFile), folders.user);
    await rename(half, folders.data);
  } finally {
    await rm(passwordFile, { force: true });
    await rm(half, { recursive: true, force: true });
  }
}

function initArguments(data: string, passwordFile: string): string[] {
  return [
    '--pgdata',
    data,
    '--username',
    superuser,
    '--pwfile',
    passwordFile,
    '--auth-local=scram-sha-256',
    '--auth-host=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    // The checkpoint of the first clean start makes it durable; until then there is nothing to lose.
    '--no-sync',
  ];
}

async function isMade(data: string): Promise<boolean> {
  return (await stat(path.join(data, 'PG_VERSION')).catch(() => null)) !== null;
}

function run(program: string, args: string[], user: ServerUser | null): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...user, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) return resolve();
      if (/No space left on device/.test(output))
        return reject(new AppError('storage_full', { cause: output }));
      reject(new Error(`initdb ended with code ${code}: ${output.slice(-2000)}`));
    });
  });
}
