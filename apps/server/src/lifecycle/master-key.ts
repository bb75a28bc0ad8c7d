import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isErrno } from '@hexabase/kernel/process/process-identity.ts';
import { readNamed, StartError, writeFileAtomic } from './data-folder.ts';

/** Where the master key comes from: at most one of three, else the data folder. */
export interface KeySettings {
  dataDir: string;
  databaseUrl?: string | undefined;
  /** The key itself, base64; never in a settings file. */
  masterKey?: string | undefined;
  masterKeyFile?: string | undefined;
  masterKeyCommand?: string | undefined;
}

const commandMsMax = 30_000;
const outputBytesMax = 4_096;

/** A program that asks a key service is run once for each process. */
const loaded = new WeakMap<KeySettings, Buffer>();

/**
 * The 32-byte key that encrypts everything secret in the database: given from outside, else that of the data folder,
 * made there at first start, 0600. Throws `StartError` for a key that cannot be had or is none, for two at once, and
 * instead of making another one beside a database that has its own.
 */
export function loadMasterKey(settings: KeySettings): Buffer {
  const known = loaded.get(settings);
  if (known) return known;
  const given = givenKey(settings);
  const key = given ? notAgainstFolder(given, settings) : keyOfFolder(settings.dataDir);
  loaded.set(settings, key);
  return key;
}

/** For settings that were made of others: the program is not run again for them. */
export function carryMasterKey(from: KeySettings, to: KeySettings): void {
  const key = loaded.get(from);
  if (key) loaded.set(to, key);
}

/** Whether the key is kept elsewhere than in the data folder. */
export function isKeyGiven({ masterKey, masterKeyFile, masterKeyCommand }: KeySettings): boolean {
  return [masterKey, masterKeyFile, masterKeyCommand].some((source) => source !== undefined);
}

/** Whether something was ever started on this data folder, or on its external database with the key that is given. */
export function isInstallation(settings: KeySettings): boolean {
  if (existsSync(keyPath(settings.dataDir))) return true;
  return isKeyGiven(settings) && (settings.databaseUrl !== undefined || hasDatabase(settings.dataDir));
}

export function keyPath(dataDir: string): string {
  return join(dataDir, 'master.key');
}

function givenKey({ masterKey, masterKeyFile, masterKeyCommand }: KeySettings): Buffer | null {
  const sources = Object.entries({
    HKS_MASTER_KEY: masterKey,
    HKS_MASTER_KEY_FILE: masterKeyFile,
    HKS_MASTER_KEY_COMMAND: masterKeyCommand,
  }).filter(([, value]) => value !== undefined);
  if (sources.length > 1) {
    const names = sources.map(([name]) => name).join(' and ');
    throw new StartError(`The master key is given by ${names} at once. Keep one of them.`);
  }
  if (masterKey !== undefined) return parseKey(masterKey, 'HKS_MASTER_KEY');
  if (masterKeyFile !== undefined) return parseKey(readKey(masterKeyFile), masterKeyFile);
  if (masterKeyCommand !== undefined)
    return parseKey(askCommand(masterKeyCommand), 'What HKS_MASTER_KEY_COMMAND printed');
  return null;
}

/** Two keys that are both meant are a mistake, and the wrong one would be noticed late. */
function notAgainstFolder(given: Buffer, { dataDir }: KeySettings): Buffer {
  const path = keyPath(dataDir);
  if (!existsSync(path) || parseKey(readKey(path), path).equals(given)) return given;
  throw new StartError(
    `The master key that is given is not the one in ${path}. Nothing was changed. Give that one, or, if it is of no use any more, move the file away.`,
  );
}

function keyOfFolder(dataDir: string): Buffer {
  const path = keyPath(dataDir);
  if (!existsSync(path)) {
    if (hasDatabase(dataDir))
      throw new StartError(
        `${path} is not there, and the database beside it opens with that key only. Restore it from your backup, or give it with HKS_MASTER_KEY_FILE. Nothing was changed.`,
      );
    writeFileAtomic(path, `${randomBytes(32).toString('base64')}\n`, 0o600);
  }
  return parseKey(readKey(path), path);
}

function hasDatabase(dataDir: string): boolean {
  return existsSync(join(dataDir, 'postgres', 'PG_VERSION'));
}

function readKey(path: string): string {
  return readNamed(path, 'The master key');
}

/** What is wrong is told without a word of the text, which may be nearly the key. */
function parseKey(text: string, source: string): Buffer {
  const bytes = Buffer.from(text.trim(), 'base64');
  if (/^[\w+/-]{43}=?$/.test(text.trim()) && bytes.length === 32) return bytes;
  throw new StartError(
    `${source} is not a master key: 32 bytes in base64, as \`openssl rand -base64 32\` prints them. If there was one, restore it from your backup.`,
  );
}

/** Neither what it prints nor what it complains of is shown: both may hold the key. */
function askCommand(command: string): string {
  const [program = '', ...args] = command.trim().split(/\s+/);
  const { error, status, signal, stdout } = spawnSync(program, args, {
    stdio: ['ignore', 'pipe', 'ignore'],
    encoding: 'utf8',
    timeout: commandMsMax,
    killSignal: 'SIGKILL',
    maxBuffer: outputBytesMax,
    shell: false,
  });
  if (isErrno(error, 'ETIMEDOUT')) throw unanswered(`did not end within ${commandMsMax / 1000} s`);
  if (isErrno(error, 'ENOBUFS')) throw unanswered('printed more than a key');
  if (error) throw unanswered(`cannot be started (${error.message})`);
  if (status !== 0) throw unanswered(`ended with ${signal ?? `code ${status}`}; run it by hand to see why`);
  return stdout;
}

function unanswered(how: string): StartError {
  return new StartError(`There is no master key: the program in HKS_MASTER_KEY_COMMAND ${how}.`);
}
