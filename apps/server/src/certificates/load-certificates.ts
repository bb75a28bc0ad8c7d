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

export interface CertificateOptions {
  /** Folder of the data folder that holds authority and server certificate; made 0700. */
  dir: string;
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
type StoredPair = z.infer<typeof storedPair>;

const loopback = ['localhost', '127.0.0.1', '::1'];
const dayMs = 86_400_000;
const renewServerMs = 30 * dayMs;
/** Longer than a server certificate, which must not outlive its authority. */
const renewAuthorityMs = 400 * dayMs;

/**
 * Loads the local authority and the server's certificate, making them at the first start. The server's is signed anew
 * 30 days before it ends and when `hosts` changed; the authority stays, so that kubeconfigs keep working, unless it
 * may not sign for a new host. Call it again now and then while running, to renew.
 */
export async function loadCertificates({ dir, hosts, clock }: CertificateOptions): Promise<Certificates> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const names = [...new Set([...loopback, ...hosts.map(withoutBrackets)])];
  const nowMs = clock.now();
  const foundAuthority = await read(dir, 'authority.json');
  const authority =
    foundAuthority && maySignFor(foundAuthority, names, nowMs)
      ? foundAuthority
      : await keep(dir, 'authority.json', { names, ...makeAuthority(names, nowMs) });
  const foundServer = await read(dir, 'server.json');
  const server =
    foundServer && isGood(foundServer, { authority, names, nowMs })
      ? foundServer
      : await keep(dir, 'server.json', { names, ...signServer(authority, names, nowMs) });
  return { caPem: authority.certPem, certPem: server.certPem, keyPem: server.keyPem };
}

/** PEM of the local authority; null before the first start. */
export async function readAuthority(dir: string): Promise<string | null> {
  return (await read(dir, 'authority.json'))?.certPem ?? null;
}

/** URLs write IPv6 addresses as `[::1]`. */
function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

function maySignFor(authority: StoredPair, names: readonly string[], nowMs: number): boolean {
  const endsMs = Date.parse(new X509Certificate(authority.certPem).validTo);
  return endsMs - nowMs > renewAuthorityMs && names.every((name) => authority.names.includes(name));
}

function isGood(
  server: StoredPair,
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

async function read(dir: string, file: string): Promise<StoredPair | null> {
  try {
    return storedPair.parse(JSON.parse(await readFile(join(dir, file), 'utf8')));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new Error(
      `The certificate file ${join(dir, file)} cannot be read; remove it to have a new one made.`,
      { cause: error },
    );
  }
}

async function keep(dir: string, file: string, pair: StoredPair): Promise<StoredPair> {
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
