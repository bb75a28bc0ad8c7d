import { X509Certificate } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '@hexabase/kernel/clock.ts';
import * as z from 'zod';
import {
  makeAuthority,
  signServer,
  type KeyedCertificate,
} from '@hexabase/kernel/certificates/sign-certificates.ts';
import { StartError } from '../lifecycle/data-folder.ts';

/** An authority with the names that it may sign for. */
export interface NamedCertificate extends KeyedCertificate {
  names: string[];
}

/** Where an installation keeps its authority. */
export interface AuthorityKeeper {
  /** Gives `choose` the one that is there, and keeps the answer. Of several at once one chooses after the other. */
  keep(choose: (found: NamedCertificate | null) => NamedCertificate): Promise<NamedCertificate>;
}

export interface CertificateOptions {
  /** Folder of the data folder for the server's own certificate; made 0700. */
  dir: string;
  authorities: AuthorityKeeper;
  /** Names and addresses beyond the loopback ones, for example the public URL's host. */
  hosts: readonly string[];
  clock: Clock;
}

export interface Certificates {
  /** For kubeconfigs and clients. */
  caPem: string;
  /** For the https server. */
  certPem: string;
  keyPem: string;
}

/** One file per pair, so that no crash leaves a certificate beside another's key. */
const storedPair = z.object({ names: z.array(z.string()), certPem: z.string(), keyPem: z.string() });
const authorityFile = 'authority.json';
const serverFile = 'server.json';

const loopback = ['localhost', '127.0.0.1', '::1'];
const dayMs = 86_400_000;
const renewServerMs = 30 * dayMs;
/** Longer than a server certificate, which must not outlive its authority. */
const renewAuthorityMs = 400 * dayMs;

/**
 * Loads the installation's authority and this server's certificate, making them at the first start. The server's is signed
 * anew 30 days before it ends and when `hosts` changed; the authority stays, so that kubeconfigs keep working, unless it
 * may not sign for a new host. Call it again now and then while running, to renew.
 */
export async function loadCertificates(options: CertificateOptions): Promise<Certificates> {
  const { dir, authorities, hosts, clock } = options;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const names = [...new Set([...loopback, ...hosts.map(withoutBrackets)])];
  const nowMs = clock.now();
  const authority = await authorities.keep((found) =>
    found && maySignFor(found, names, nowMs) ? found : { names, ...makeAuthority(names, nowMs) },
  );
  const found = await read(dir, serverFile);
  const server =
    found && isGood(found, { authority, names, nowMs })
      ? found
      : await keep(dir, serverFile, { names, ...signServer(authority, names, nowMs) });
  return { caPem: authority.certPem, certPem: server.certPem, keyPem: server.keyPem };
}

/** The authority that an earlier version left in the folder; null when it left none. Throws `StartError`. */
export function authorityInFolder(dir: string): Promise<NamedCertificate | null> {
  return read(dir, authorityFile);
}

/** URLs write IPv6 addresses as `[::1]`. */
function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

function maySignFor(authority: NamedCertificate, names: readonly string[], nowMs: number): boolean {
  const endsMs = Date.parse(new X509Certificate(authority.certPem).validTo);
  return endsMs - nowMs > renewAuthorityMs && names.every((name) => authority.names.includes(name));
}

function isGood(
  server: NamedCertificate,
  wanted: { authority: KeyedCertificate; names: readonly string[]; nowMs: number },
): boolean {
  const certificate = new X509Certificate(server.certPem);
  const issuer = new X509Certificate(wanted.authority.certPem);
  return (
    certificate.checkIssued(issuer) &&
    certificate.verify(issuer.publicKey) &&
    Date.parse(certificate.validTo) - wanted.nowMs > renewServerMs &&
    wanted.names.every((name) => server.names.includes(name))
  );
}

async function read(dir: string, file: string): Promise<NamedCertificate | null> {
  try {
    return storedPair.parse(JSON.parse(await readFile(join(dir, file), 'utf8')));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new StartError(
      `The certificate file ${join(dir, file)} cannot be read. Restore it from your backup, or remove it to have a new one made.`,
    );
  }
}

async function keep(dir: string, file: string, pair: NamedCertificate): Promise<NamedCertificate> {
  const unfinished = join(dir, `.${file}.${process.pid}`);
  const handle = await open(unfinished, 'w', 0o600);
  try {
    await handle.writeFile(JSON.stringify(pair));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(unfinished, join(dir, file));
  return pair;
}
