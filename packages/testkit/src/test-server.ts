import { spawn } from 'node:child_process';
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { rolePassword, type Endpoint } from '@hexabase/postgres/connection.ts';
import { superuser } from '@hexabase/postgres/embedded/initialize.ts';
import { startEmbedded } from '@hexabase/postgres/embedded/server.ts';
import { provisionRoles } from '@hexabase/postgres/provision.ts';

export const testMasterKey: Uint8Array = Buffer.from('hexabase-test-master-key-0123456');

const startMsMax = 90_000;

/**
 * The PostgreSQL of this test process, started by the first thread that asks. Test files run in threads that know
 * nothing of each other, so they meet at a folder that carries the process id.
 */
export async function testServer(): Promise<Endpoint> {
  const folder = path.join(os.tmpdir(), `hks-test-${process.pid}`);
  const note = path.join(folder, 'host');
  try {
    await mkdir(folder, { mode: 0o711 });
  } catch {
    return serverAt(await hostOf(note));
  }
  await chmod(folder, 0o711);
  endWithProcess(folder);
  // No TCP, no fsync: what these tests write need not outlive the machine.
  const running = await startEmbedded({
    dataDir: folder,
    password: rolePassword(testMasterKey, superuser),
    log: silentLogger,
    settings: {
      fsync: 'off',
      synchronous_commit: 'off',
      full_page_writes: 'off',
      max_connections: '150',
      autovacuum: 'off',
    },
  });
  await provisionRoles(serverAt(running.host), testMasterKey);
  await writeFile(`${note}.new`, running.host);
  await rename(`${note}.new`, note);
  return serverAt(running.host);
}

function serverAt(host: string): Endpoint {
  return {
    host,
    port: 5432,
    user: superuser,
    password: rolePassword(testMasterKey, superuser),
    database: 'postgres',
  };
}

async function hostOf(note: string): Promise<string> {
  for (let waitedMs = 0; waitedMs < startMsMax; waitedMs += 50) {
    const host = await readFile(note, 'utf8').catch(() => '');
    if (host !== '') return host;
    await sleep(50);
  }
  await rm(path.dirname(note), { recursive: true, force: true });
  throw new Error('another test thread did not get its PostgreSQL started');
}

/**
 * A thread that ends does not run exit handlers, and a killed process neither: a small watcher beside it waits for the
 * process to be gone, then ends the server and removes its folder.
 */
function endWithProcess(folder: string): void {
  const script = `
    while kill -0 ${process.pid} 2>/dev/null; do sleep 0.5; done
    pid=$(head -n 1 "$0/postgres/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" 2>/dev/null
    for try in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$0" 2>/dev/null && break; sleep 0.3; done`;
  spawn('sh', ['-c', script, folder], { detached: true, stdio: 'ignore', cwd: '/' }).unref();
}
