import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ServerConfig } from '../config.ts';
import { StartError } from '../lifecycle/data-folder.ts';

/**
 * The authority behind the certificate at the public address, which tenants' API servers and kubeconfigs are given: our
 * own, unless something in front of us shows a certificate of its own. Null when everybody trusts it anyway. Throws
 * `StartError` for a file that holds no certificate that is good now.
 */
export function publicAuthority(
  { publicCa }: Pick<ServerConfig, 'publicCa'>,
  own: OwnAuthority,
): string | null {
  return authorityIn({ name: 'HKS_PUBLIC_CA', at: 'public address', path: publicCa }, own);
}

/**
 * The authority behind the certificate that tenants on host clusters see where they fetch our keys: that of the discovery
 * address where there is one, else that of the public one. Null and errors as above.
 */
export function issuerAuthority(
  config: Pick<ServerConfig, 'publicCa'> & { hosts: HostTrust },
  own: OwnAuthority,
): string | null {
  const { discoveryUrl, discoveryCa: path } = config.hosts;
  if (discoveryUrl === undefined) return publicAuthority(config, own);
  return authorityIn({ name: 'HKS_DISCOVERY_CA', at: 'discovery address', path }, own);
}

type HostTrust = Pick<ServerConfig['hosts'], 'discoveryUrl' | 'discoveryCa'>;

interface OwnAuthority {
  caPem: string;
  nowMs: number;
}

interface Setting {
  name: string;
  at: string;
  path: string | undefined;
}

function authorityIn(setting: Setting, own: OwnAuthority): string | null {
  const { path } = setting;
  if (path === undefined) return own.caPem;
  if (path === 'system') return null;
  const refuse = (why: string) => unusable(setting, why);
  const found =
    textIn(path, refuse).match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (found.length === 0) throw refuse('there is no PEM certificate in it');
  for (const pem of found) {
    const certificate = parsed(pem, refuse);
    if (Date.parse(certificate.validTo) <= own.nowMs)
      throw refuse(`the certificate of ${certificate.subject} ended at ${certificate.validTo}`);
  }
  // Without what else such files hold: comments, or a private key that came along.
  return `${found.join('\n')}\n`;
}

/** Null for `caPem` is one that was not made yet. */
export interface MaybeAuthority {
  caPem: string | null;
  nowMs: number;
}

/** The same as an operator's command knows it; null before the first start, when there is none of our own. */
export function knownAuthority(
  config: Pick<ServerConfig, 'publicCa'>,
  { caPem, nowMs }: MaybeAuthority,
): { authority: string | null } | null {
  if (caPem === null && config.publicCa === undefined) return null;
  return { authority: publicAuthority(config, { caPem: caPem ?? '', nowMs }) };
}

/** `issuerAuthority` as an operator's command knows it. */
export function knownIssuerAuthority(
  config: Pick<ServerConfig, 'publicCa'> & { hosts: HostTrust },
  own: MaybeAuthority,
): { authority: string | null } | null {
  const { discoveryUrl, discoveryCa } = config.hosts;
  if (discoveryUrl === undefined) return knownAuthority(config, own);
  if (own.caPem === null && discoveryCa === undefined) return null;
  return { authority: issuerAuthority(config, { caPem: own.caPem ?? '', nowMs: own.nowMs }) };
}

type Refuse = (why: string) => StartError;

function parsed(pem: string, refuse: Refuse): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw refuse('a certificate in it cannot be read');
  }
}

function textIn(path: string, refuse: Refuse): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : String(error));
  }
}

function unusable({ name, at, path }: Setting, why: string): StartError {
  return new StartError(
    `${name} cannot be used: ${path}: ${why}. Name a PEM file with the authority behind the ${at}, or \`system\` for one that is publicly trusted.`,
  );
}
