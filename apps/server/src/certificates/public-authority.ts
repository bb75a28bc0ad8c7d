import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerConfig } from '../config.ts';
import { StartError } from '../lifecycle/data-folder.ts';
import { readAuthority } from './load-certificates.ts';

/**
 * The authority behind the certificate at the public address, which tenants' API servers and kubeconfigs are given: our
 * own, unless something in front of us shows a certificate of its own. Null when everybody trusts it anyway. Throws
 * `StartError` for a file that holds no certificate that is good now.
 */
export function publicAuthority(
  { publicCa }: Pick<ServerConfig, 'publicCa'>,
  own: { caPem: string; nowMs: number },
): string | null {
  if (publicCa === undefined) return own.caPem;
  if (publicCa === 'system') return null;
  const text = readText(publicCa);
  const found = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (found.length === 0) throw unusable(publicCa, 'there is no PEM certificate in it');
  for (const pem of found) {
    const certificate = parsed(publicCa, pem);
    if (Date.parse(certificate.validTo) <= own.nowMs)
      throw unusable(publicCa, `the certificate of ${certificate.subject} ended at ${certificate.validTo}`);
  }
  // Without what else such files hold: comments, or a private key that came along.
  return `${found.join('\n')}\n`;
}

/** The same as an operator's command knows it; null before the first start, when there is none of our own. */
export async function knownAuthority(
  config: Pick<ServerConfig, 'publicCa' | 'dataDir'>,
  nowMs: number,
): Promise<{ authority: string | null } | null> {
  const caPem = await readAuthority(join(config.dataDir, 'ca'));
  if (caPem === null && config.publicCa === undefined) return null;
  return { authority: publicAuthority(config, { caPem: caPem ?? '', nowMs }) };
}

function parsed(path: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw unusable(path, 'a certificate in it cannot be read');
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw unusable(path, error instanceof Error ? error.message : String(error));
  }
}

function unusable(path: string, why: string): StartError {
  return new StartError(
    `HKS_PUBLIC_CA cannot be used: ${path}: ${why}. Name a PEM file with the authority behind the public address, or \`system\` for one that is publicly trusted.`,
  );
}
