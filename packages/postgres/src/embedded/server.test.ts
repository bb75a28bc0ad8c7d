import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { clientConfig } from '../connection.ts';
import { openDatabase } from '../open-database.ts';
import { superuser } from './initialize.ts';
import { startEmbedded, type EmbeddedServer } from './server.ts';

const password = 'test-password';
const masterKey = Buffer.from('another-test-master-key-01234567');
const isRoot = process.getuid?.() === 0;

let root: string;
let stack: AsyncDisposableStack;

beforeEach(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), 'hks-pgtest-'));
  await chmod(root, 0o711);
  stack = new AsyncDisposableStack();
});
afterEach(async () => {
  await stack.disposeAsync();
  await rm(root, { recursive: true, force: true, maxRetries: 5 });
});

const start = (dataDir = root) => startEmbedded({ dataDir, password, log: silentLogger });

async function query(server: EmbeddedServer, text: string): Promise<unknown[]> {
  const client = new Client(
    clientConfig({ host: server.host, port: server.port, user: superuser, password, database: 'postgres' }),
  );
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

test('what was committed is there after a stop and a start, and there is no TCP port', async () => {
  const first = await start();
  await query(first, 'create table public.kept (n int)');
  await query(first, 'insert into public.kept values (7)');
  expect(await query(first, 'show listen_addresses')).toEqual([{ listen_addresses: '' }]);
  expect(await query(first, 'show fsync')).toEqual([{ fsync: 'on' }]);
  await first[Symbol.asyncDispose]();
  expect(first.pid()).toBeNull();
  const second = stack.use(await start());
  expect(await query(second, 'select n from public.kept')).toEqual([{ n: 7 }]);
});

test('a wrong password is refused, also on the socket', async () => {
  const server = stack.use(await start());
  const stranger = new Client({
    host: server.host,
    user: superuser,
    password: 'wrong',
    database: 'postgres',
  });
  await expect(stranger.connect()).rejects.toThrow(/password authentication failed/);
});

test('a data folder in use is refused with the process that holds it', async () => {
  stack.use(await start());
  await expect(start()).rejects.toThrow(`in use by process ${process.pid}`);
});

test('a server that outlived its killed parent is stopped, and what it committed is kept', async () => {
  const program = path.join(root, 'parent.ts');
  const module = fileURLToPath(new URL('./server.ts', import.meta.url));
  const log = fileURLToPath(import.meta.resolve('@hexabase/kernel/log.ts'));
  await writeFile(
    program,
    `import { startEmbedded } from ${JSON.stringify(module)};
     import { silentLogger } from ${JSON.stringify(log)};
     const server = await startEmbedded({ dataDir: ${JSON.stringify(root)}, password: '${password}', log: silentLogger });
     console.log(server.host, server.pid());`,
  );
  const parent = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
  stack.defer(() => void parent.kill('SIGKILL'));
  const [said] = await once(parent.stdout, 'data');
  const [host, pid] = String(said).trim().split(' ');
  const orphan: EmbeddedServer = {
    host: host ?? '',
    port: 5432,
    pid: () => Number(pid),
    [Symbol.asyncDispose]: async () => undefined,
  };
  await query(orphan, 'create table public.kept as select 1 as n');
  parent.kill('SIGKILL');
  await once(parent, 'close');
  const next = stack.use(await start());
  expect(next.pid()).not.toBe(Number(pid));
  expect(await query(next, 'select n from public.kept')).toEqual([{ n: 1 }]);
});

test('lock files of a dead server do not block the next one', async () => {
  const first = await start();
  await first[Symbol.asyncDispose]();
  await writeFile(
    path.join(root, 'postgres', 'postmaster.pid'),
    `${process.pid}\n${root}/postgres\n0\n5432\n\n\n\nready\n`,
  );
  const second = stack.use(await start());
  expect(await query(second, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('a first start that was interrupted is begun anew', async () => {
  await mkdir(path.join(root, 'postgres.new'), { recursive: true });
  await writeFile(path.join(root, 'postgres.new', 'PG_VERSION'), '18');
  const server = stack.use(await start());
  expect(await query(server, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('a server that dies is started again, and the pools work on', async () => {
  const database = stack.use(
    await openDatabase({ connection: { kind: 'embedded', dataDir: root }, masterKey, log: silentLogger }),
  );
  const woken = Promise.withResolvers<void>();
  await database.listen('some_channel', (payload) => {
    if (payload === '') woken.resolve();
  });
  const before = database.embedded?.pid();
  process.kill(before ?? 0, 'SIGKILL');
  await expect(
    (async () => {
      for (;;) await database.asWorker((tx) => sql`select 1`.execute(tx));
    })(),
  ).rejects.toMatchObject({ code: 'database_unavailable' });
  await woken.promise;
  await expect(database.ping()).resolves.toBeUndefined();
  expect(database.embedded?.pid()).not.toBe(before);
});

test('a path too long for a socket gets a private folder elsewhere', async () => {
  const deep = path.join(root, 'a'.repeat(60), 'b'.repeat(60));
  await mkdir(deep, { recursive: true, mode: 0o755 });
  const server = stack.use(await start(deep));
  expect(server.host.startsWith(deep)).toBe(false);
  expect(await query(server, 'select 1 as one')).toEqual([{ one: 1 }]);
  const remembered = (await readFile(path.join(deep, 'socket-folder'), 'utf8')).trim();
  expect(remembered).toBe(server.host);
  stack.defer(() => rm(remembered, { recursive: true, force: true }));
});

test.runIf(isRoot)('as root, a folder that the server may not enter is refused with what to do', async () => {
  const closed = path.join(root, 'closed');
  await mkdir(path.join(closed, 'data'), { recursive: true });
  await chmod(closed, 0o700);
  await expect(start(path.join(closed, 'data'))).rejects.toThrow(/may not enter .*closed.*chmod o\+x/);
});

test('a data folder that is a file is refused in words', async () => {
  const file = path.join(root, 'file');
  await writeFile(file, '');
  await expect(start(file)).rejects.toThrow(/cannot be written/);
});
