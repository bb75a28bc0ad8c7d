import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { until } from '@hexabase/testkit/given.ts';

const run = promisify(execFile);

/** Why tests on a real Redis cannot run here; empty where they can. */
export const noRedis =
  spawnSync('redis-server', ['--version']).status === 0
    ? ''
    : ' (skipped: there is no redis-server on this machine)';

/** A real Redis on a Unix socket in a folder of its own; the default user's password is `right`. */
export interface TestRedis extends AsyncDisposable {
  /** What an operator sets; `user` as `user=…&password=…&db=…`. */
  url(user?: string): string;
  /** What it answers to a command, as text. */
  ask(...command: string[]): Promise<string>;
  /** Unless it runs. Resolves when it answers; it has forgotten everything. */
  start(): Promise<void>;
  /** As if its machine had gone. */
  kill(): Promise<void>;
  /** It keeps its connections and answers nothing. */
  freeze(): void;
  thaw(): void;
}

/** Started. */
export async function startRedis(): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'hks-redis-'));
  const socket = join(folder, 'redis.sock');
  const settings = ['port 0', `unixsocket ${socket}`, `dir ${folder}`, 'save ""', 'requirepass right'];
  await writeFile(join(folder, 'redis.conf'), `${settings.join('\n')}\n`);
  let server: ChildProcess | null = null;

  const ask = async (...command: string[]): Promise<string> => {
    const { stdout } = await run('redis-cli', ['-s', socket, '-a', 'right', '--no-auth-warning', ...command]);
    return stdout.trim();
  };
  const start = async (): Promise<void> => {
    server ??= spawn('redis-server', [join(folder, 'redis.conf')], { stdio: 'ignore' });
    await until(async () => (await ask('PING').catch(() => '')) === 'PONG');
  };
  const kill = async (): Promise<void> => {
    if (server === null) return;
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
    server = null;
  };
  await start();
  return {
    url: (user = 'password=right') => `${socket}?${user}`,
    ask,
    start,
    kill,
    freeze: () => void server?.kill('SIGSTOP'),
    thaw: () => void server?.kill('SIGCONT'),
    async [Symbol.asyncDispose]() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
