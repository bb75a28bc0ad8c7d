import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import * as z from 'zod';
import { StartError, writeFileAtomic } from './data-folder.ts';
import { isErrno } from '@hexabase/kernel/process/process-identity.ts';

const remembered = z.object({ http: z.int(), https: z.int() });

export type Ports = z.infer<typeof remembered>;

const defaults: Ports = { http: 8080, https: 8443 };

/**
 * Which ports to open: the flag, else the ones of the last start on this folder (kubeconfigs point there), else the
 * defaults. 0 means any free one and takes the remembered one if it is still free.
 */
export async function choosePorts(dataDir: string, wanted: Partial<Ports>, host: string): Promise<Ports> {
  const before = readPorts(dataDir);
  const choose = async (name: 'http' | 'https'): Promise<number> => {
    const flag = wanted[name];
    if (flag === undefined) return before?.[name] ?? defaults[name];
    if (flag !== 0) return flag;
    return before && (await isFree(before[name], host)) ? before[name] : anyFree(host);
  };
  const ports = { http: await choose('http'), https: await choose('https') };
  if (ports.http === ports.https) throw new StartError(`The two ports must differ, both are ${ports.http}.`);
  return ports;
}

/** Keeps the ports for the next start; called once both are open. */
export function rememberPorts(dataDir: string, ports: Ports): void {
  writeFileAtomic(join(dataDir, 'ports.json'), JSON.stringify(ports), 0o600);
}

/** Opens a listening socket; a taken or forbidden port becomes a `StartError` that names the flag. */
export async function listen(
  server: Server,
  at: { port: number; host: string; flag: string },
): Promise<void> {
  try {
    await open(server, at.port, at.host);
  } catch (error) {
    if (isErrno(error, 'EADDRINUSE')) {
      throw new StartError(
        `Port ${at.port} is in use by another program. Choose another with ${at.flag} N (0 takes any free one).`,
      );
    }
    if (isErrno(error, 'EACCES')) {
      throw new StartError(
        `Port ${at.port} needs more rights than this user has. Choose one above 1023 with ${at.flag} N.`,
      );
    }
    if (isErrno(error, 'EADDRNOTAVAIL', 'ENOTFOUND')) {
      throw new StartError(`This machine has no address ${at.host}. Choose another with --listen.`);
    }
    throw error;
  }
}

function readPorts(dataDir: string): Ports | null {
  const path = join(dataDir, 'ports.json');
  if (!existsSync(path)) return null;
  try {
    return remembered.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    const why = isErrno(error, 'EISDIR') ? 'is a folder' : 'does not hold them';
    throw new StartError(
      `${path}, where an earlier start noted its ports, ${why}. Remove it, and name the ports with --http-port and --https-port: kubeconfigs hold the second.`,
    );
  }
}

async function isFree(port: number, host: string): Promise<boolean> {
  const probe = createServer();
  try {
    await open(probe, port, host);
  } catch {
    return false;
  }
  await close(probe);
  return true;
}

async function anyFree(host: string): Promise<number> {
  const probe = createServer();
  await listen(probe, { port: 0, host, flag: '--listen' });
  const address = probe.address();
  await close(probe);
  if (address === null || typeof address === 'string') throw new StartError('The system gave no free port.');
  return address.port;
}

function open(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
