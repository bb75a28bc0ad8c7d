import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readConfig } from '../config.ts';
import { isInstallation, loadMasterKey } from './master-key.ts';

let root: string;
let dataDir: string;
const fresh = (): string => randomBytes(32).toString('base64');

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'hks-key-'));
});
beforeEach(async () => {
  dataDir = await mkdtemp(join(root, 'data-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const read = (env: Record<string, string>): string =>
  loadMasterKey(readConfig({ dataDir }, env)).toString('base64');

async function file(text: string): Promise<string> {
  const path = join(root, crypto.randomUUID());
  await writeFile(path, text);
  return path;
}

/** A program that prints a text and notes that it ran. */
async function program(text: string, more = ''): Promise<{ command: string; runs: () => number }> {
  const note = join(root, crypto.randomUUID());
  const path = await file(`printf '%s\\n' "$1" >>${note}\nprintf '%s\\n' '${text}'\n${more}\n`);
  return {
    command: `sh ${path} decrypt`,
    runs: () => (existsSync(note) ? readFileSync(note, 'utf8').trim().split('\n').length : 0),
  };
}

describe('the master key', () => {
  it('is made in the data folder at the first start, for nobody else to read, and stays', async () => {
    const made = read({});
    expect((await stat(join(dataDir, 'master.key'))).mode & 0o777).toBe(0o600);
    expect(read({})).toBe(made);
  });

  it('comes from the environment, a file or a program, and nothing of it lies in the data folder then', async () => {
    const key = fresh();
    expect(read({ HKS_MASTER_KEY: key })).toBe(key);
    expect(read({ HKS_MASTER_KEY_FILE: await file(`${key}\n`) })).toBe(key);
    expect(read({ HKS_MASTER_KEY_COMMAND: (await program(key)).command })).toBe(key);
    expect(existsSync(join(dataDir, 'master.key'))).toBe(false);
  });

  it('is no longer in the environment once it was read: programs that are started do not inherit it', () => {
    const env = { HKS_MASTER_KEY: fresh(), OTHER: 'stays' };
    readConfig({ dataDir }, env);
    expect(env).toEqual({ OTHER: 'stays' });
  });

  it('is asked of a program once, however often it is needed, and without a shell', async () => {
    const { command, runs } = await program(fresh());
    const config = readConfig({ dataDir }, { HKS_MASTER_KEY_COMMAND: command });
    loadMasterKey(config);
    loadMasterKey(config);
    expect(runs()).toBe(1);
    const planted = join(root, 'planted');
    expect(() => read({ HKS_MASTER_KEY_COMMAND: `${command} ; touch ${planted}` })).not.toThrow();
    expect(existsSync(planted)).toBe(false);
  });
});

describe('a master key that is none', () => {
  it('given in two ways at once is refused by their names', async () => {
    const env = { HKS_MASTER_KEY: fresh(), HKS_MASTER_KEY_FILE: await file(fresh()) };
    expect(() => read(env)).toThrow(/HKS_MASTER_KEY and HKS_MASTER_KEY_FILE at once/);
  });

  it.each([
    'short',
    Buffer.alloc(31, 9).toString('base64'),
    Buffer.alloc(33, 9).toString('base64'),
    'é'.repeat(43),
  ])('is refused without being told: %s', async (text) => {
    for (const env of [
      { HKS_MASTER_KEY: text },
      { HKS_MASTER_KEY_FILE: await file(text) },
      { HKS_MASTER_KEY_COMMAND: (await program(text)).command },
    ]) {
      expect(() => read(env)).toThrow(/32 bytes in base64/);
      expect(() => read(env)).not.toThrow(text);
    }
  });

  it('nor is there one when the program fails, says too much or cannot be started', async () => {
    const key = fresh();
    const failing = await program(key, 'echo "cannot use $0" >&2\nexit 3');
    expect(() => read({ HKS_MASTER_KEY_COMMAND: failing.command })).toThrow(/ended with code 3/);
    const talking = await program('x'.repeat(5_000));
    expect(() => read({ HKS_MASTER_KEY_COMMAND: talking.command })).toThrow(/more than a key/);
    expect(() => read({ HKS_MASTER_KEY_COMMAND: join(root, 'absent') })).toThrow(/cannot be started/);
    expect(() => read({ HKS_MASTER_KEY_FILE: join(root, 'absent') })).toThrow(/cannot be read/);
    expect(existsSync(join(dataDir, 'master.key'))).toBe(false);
  });

  it('is one that differs from the data folder’s: neither is taken, and the file stays as it is', async () => {
    const kept = read({});
    expect(read({ HKS_MASTER_KEY: kept })).toBe(kept);
    expect(() => read({ HKS_MASTER_KEY: fresh() })).toThrow(/is not the one in/);
    expect(read({})).toBe(kept);
  });

  it('is not made anew beside a database that has its own', async () => {
    await mkdir(join(dataDir, 'postgres'));
    await writeFile(join(dataDir, 'postgres', 'PG_VERSION'), '18\n');
    expect(() => read({})).toThrow(/opens with that key only/);
    expect(existsSync(join(dataDir, 'master.key'))).toBe(false);
    const keyless = readConfig({ dataDir }, {});
    const keyed = readConfig({ dataDir }, { HKS_MASTER_KEY: fresh() });
    expect([isInstallation(keyless), isInstallation(keyed)]).toEqual([false, true]);
  });
});
