import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { readCliConfig, updateCliConfig } from '@hexabase/client/config-file.ts';
import { createUser } from '@hexabase/oidc/users.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startApi, type Api } from './start-api.ts';

const cli = resolve(import.meta.dirname, '../../apps/cli/src/main.ts');
const email = 'ann@example.test';
const password = 'correct horse battery';
let api: Api;
let dir: string;

beforeAll(async () => {
  api = await startApi();
  dir = mkdtempSync(join(tmpdir(), 'known-device-'));
  await api.db.database.asIdentity((tx) =>
    createUser(tx, { email, displayName: 'Ann', password }, Date.now()),
  );
});
afterAll(async () => {
  await api?.[Symbol.asyncDispose]();
  if (dir) rmSync(dir, { recursive: true });
});

async function hks(...args: string[]): Promise<{ code: number | null; said: string }> {
  const { PATH } = process.env;
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', cli, ...args], {
    env: { PATH, HOME: dir, HKS_CONFIG: join(dir, 'config.yaml') },
  });
  child.stdin.end(`${password}\n`);
  const ended = new Promise<number | null>((done) => child.once('close', done));
  const [out, complaint] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await ended, said: out + complaint };
}

const logIn = () => hks('login', api.baseUrl, '--email', email);

/** The owner is at an address where she never was, and a hundred guesses have come from others. */
async function travelWhileStrangersGuess(): Promise<void> {
  await api.query(`update sessions set address = '203.0.113.9'`);
  await api.query('delete from login_attempts');
  await api.call('POST', '/auth/login', { body: { email, password: 'wrong' } });
  const guessed = await api.query(
    `update login_attempts set failures = 100 where key like 'strangers:%' returning key`,
  );
  expect(guessed).toHaveLength(1);
}

it('hks on a machine where its person signed in before is not slowed by strangers, also after signing out', async () => {
  const configFile = join(dir, 'config.yaml');
  expect(await logIn()).toMatchObject({ code: 0 });
  expect(await hks('logout')).toMatchObject({ code: 0 });
  expect(statSync(configFile).mode & 0o077).toBe(0);
  await travelWhileStrangersGuess();
  expect(await logIn()).toMatchObject({ code: 0, said: `Signed in to ${api.baseUrl} as ${email}.\n` });

  await travelWhileStrangersGuess();
  await updateCliConfig(configFile, (config) => {
    expect(Object.keys(config.knownDevices ?? {})).toEqual([`${email} at ${api.baseUrl}`]);
    delete config.knownDevices;
  });
  const refused = await logIn();
  expect(refused.code).toBe(1);
  expect(refused.said).toContain('Too many wrong attempts');
  expect(readCliConfig(configFile).knownDevices).toBeUndefined();
});
