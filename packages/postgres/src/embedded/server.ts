import { spawn, type ChildProcess } from 'node:child_process';
import { open, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import { installBinaries } from './binaries.ts';
import { prepareFolders, type ServerFolders } from './folders.ts';
import { lockFolder } from '@hexabase/kernel/process/folder-lock.ts';
import { initialize } from './initialize.ts';
import { clearLeftover, isReady, removeLocks, stopProcess } from './leftover.ts';

export interface EmbeddedOptions {
  dataDir: string;
  /** Of the superuser; set at the first start only. */
  password: string;
  log: Logger;
  /** Where the programs are copied to; the data folder when absent. Test runs share one copy. */
  binariesDir?: string;
  /** More `-c name=value` settings. */
  settings?: Record<string, string>;
}

export interface EmbeddedServer extends AsyncDisposable {
  /** The folder of the Unix socket: what a client calls `host`. There is no TCP port. */
  readonly host: string;
  readonly port: 5432;
  /** Process id of the running server; null while it is being restarted. */
  pid(): number | null;
}

const startMsMax = 60_000;
const restartDelayMsMax = 10_000;

const baseSettings: Record<string, string> = {
  listen_addresses: '',
  unix_socket_permissions: '0700',
  shared_buffers: '32MB',
  max_connections: '48',
  jit: 'off',
  max_wal_size: '256MB',
  min_wal_size: '32MB',
  autovacuum_max_workers: '1',
  autovacuum_naptime: '30s',
  max_parallel_workers: '0',
  max_parallel_workers_per_gather: '0',
  max_logical_replication_workers: '0',
  wal_level: 'minimal',
  max_wal_senders: '0',
  io_method: 'sync',
  log_min_messages: 'warning',
  timezone: 'UTC',
};

/**
 * Starts a PostgreSQL of our own below `dataDir` and keeps it running until disposed: a server that dies is started
 * again, with growing pauses. Throws when the folder cannot be used, and AppError `storage_full` when the disk is full.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const folders = await prepareFolders(options.dataDir);
  const lock = await lockFolder(folders.root);
  try {
    const binaries = await installBinaries(options.binariesDir ?? folders.root);
    await clearLeftover(folders, options.log);
    await initialize(folders, binaries, options.password);
    const server = new Supervisor(folders, binaries, options);
    await server.start();
    return {
      host: folders.socket,
      port: 5432,
      pid: () => server.pid,
      [Symbol.asyncDispose]: async () => {
        await server.stop();
        await lock[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw error;
  }
}

class Supervisor {
  #child: ChildProcess | null = null;
  #stopping = false;
  #restarting: Promise<void> | null = null;
  readonly #folders: ServerFolders;
  readonly #binaries: string;
  readonly #options: EmbeddedOptions;

  constructor(folders: ServerFolders, binaries: string, options: EmbeddedOptions) {
    this.#folders = folders;
    this.#binaries = binaries;
    this.#options = options;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  async start(): Promise<void> {
    const child = await this.#spawn();
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(`code ${code ?? signal}`));
    });
    let end: string | null = null;
    void ended.then((how) => {
      end = how;
    });
    for (let waitedMs = 0; waitedMs < startMsMax; waitedMs += 20) {
      if (end !== null) throw await this.#startError(end);
      if (child.pid !== undefined && (await isReady(this.#folders, child.pid))) {
        this.#child = child;
        void ended.then((how) => this.#ended(how));
        return;
      }
      await sleep(20);
    }
    child.kill('SIGQUIT');
    throw new Error(`PostgreSQL did not become ready within ${startMsMax} ms`);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#restarting;
    const child = this.#child;
    this.#child = null;
    if (child?.pid === undefined || child.exitCode !== null) return;
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    await stopProcess(child.pid, (name) => child.kill(name));
    await exited;
  }

  /** Its own process group, so that Ctrl-C in a terminal reaches us first and we end it in order. */
  async #spawn(): Promise<ChildProcess> {
    const { folders, settings } = { folders: this.#folders, settings: this.#options.settings };
    await rename(folders.logFile, `${folders.logFile}.1`).catch(() => undefined);
    const log = await open(folders.logFile, 'w', 0o600);
    try {
      const all = { ...baseSettings, ...settings, unix_socket_directories: folders.socket };
      const args = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
      return spawn(path.join(this.#binaries, 'bin', 'postgres'), ['-D', folders.data, ...args], {
        ...folders.user,
        cwd: '/',
        detached: true,
        stdio: ['ignore', log.fd, log.fd],
      });
    } finally {
      await log.close();
    }
  }

  #ended(how: string): void {
    this.#child = null;
    if (this.#stopping) return;
    this.#options.log.error({ how }, 'the embedded database server ended; starting it again');
    this.#restarting = this.#restart();
  }

  async #restart(): Promise<void> {
    for (let delayMs = 100; !this.#stopping; delayMs = Math.min(delayMs * 2, restartDelayMsMax)) {
      try {
        await removeLocks(this.#folders);
        await this.start();
        this.#options.log.info({}, 'the embedded database server runs again');
        return;
      } catch (error) {
        this.#options.log.error({ error }, 'the embedded database server did not start');
        await sleep(delayMs);
      }
    }
  }

  async #startError(how: string): Promise<Error> {
    const text = (await readFile(this.#folders.logFile, 'utf8').catch(() => '')).slice(-2000);
    if (/No space left on device/.test(text)) return new AppError('storage_full', { cause: text });
    return new Error(`PostgreSQL did not start (${how}): ${text}`);
  }
}
