import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { start, until, type Running } from '@hexabase/testkit/running-program.ts';

const program = '/usr/sbin/apache2';
const modules = '/usr/lib/apache2/modules';

/** Debian's Apache httpd with mod_auth_openidc (`libapache2-mod-auth-openidc`). */
export const hasApache = existsSync(program) && existsSync(join(modules, 'mod_auth_openidc.so'));

const loaded = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'dir', 'headers', 'auth_openidc'];

/** Serves two pages of its own behind those settings, on that port of the loopback interface. */
export async function startApache(folder: string, port: number, settings: string): Promise<Running> {
  const documents = join(folder, 'documents');
  await mkdir(documents, { recursive: true });
  await writeFile(join(documents, 'index.html'), '<!doctype html><title>In</title><h1>Inside</h1>');
  await writeFile(join(documents, 'bye.html'), '<!doctype html><title>Out</title><h1>Bye</h1>');
  const lines = [
    `ServerRoot ${folder}`,
    `PidFile ${join(folder, 'pid')}`,
    `Mutex file:${folder} default`,
    `ErrorLog ${join(folder, 'error.log')}`,
    `Listen 127.0.0.1:${port}`,
    'ServerName localhost',
    ...loaded.map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`),
    `DocumentRoot ${documents}`,
    'ForceType text/html',
    'Header always set Cache-Control no-store',
    settings,
  ];
  const file = join(folder, 'httpd.conf');
  await writeFile(file, lines.join('\n'), { mode: 0o600 });
  const running = start(program, ['-f', file, '-DFOREGROUND']);
  await until([running], async () => (await fetch(`http://localhost:${port}/bye.html`)).ok || null);
  return running;
}
