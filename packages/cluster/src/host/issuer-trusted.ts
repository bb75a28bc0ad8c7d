import { request } from 'node:https';
import { isUntrusted, saidBy } from '../kube-api/tls-failure.ts';
import { bad, good, optional, unsure, type HostCheck } from './host-check.ts';

const type = 'IssuerTrusted';

export interface TrustCheck {
  /** PEM; null for the authorities of this system. */
  authority: string | null;
  /** Where the discovery document is, when not at the issuer itself. */
  discoveryUrl?: string | undefined;
  signal: AbortSignal;
}

/**
 * Reads the issuer's discovery document with nothing trusted but the authority that tenants are given (null: those of
 * this system), as their API servers will. From here and not from a pod: images for that have no tool that verifies.
 */
export async function checkIssuerTrusted(
  issuer: string,
  { authority, discoveryUrl, signal }: TrustCheck,
): Promise<HostCheck> {
  const place = discoveryUrl === undefined ? issuer : new URL(discoveryUrl).origin;
  const whose =
    authority === null ? 'a publicly trusted authority' : 'the authority that workspaces are given';
  try {
    await open(discoveryUrl ?? `${issuer}/.well-known/openid-configuration`, { authority, signal });
    return good(type, { reason: 'Trusted', message: `The certificate of ${place} is of ${whose}` });
  } catch (error) {
    const { words: why } = saidBy(error);
    if (!isUntrusted(error)) {
      const message = `Nobody could see the certificate of ${place} from here: ${why}`;
      return optional(unsure(type, { reason: 'NotReached', message }));
    }
    return bad(type, {
      reason: 'AnotherAuthority',
      message: `The certificate of ${place} is not of ${whose}: ${why}`,
      todo: `Name the authority behind that address, \`system\` for a publicly trusted one: ${discoveryUrl === undefined ? 'HKS_PUBLIC_CA' : 'HKS_DISCOVERY_CA'}. Without it nobody can sign in to a workspace.`,
    });
  }
}

/** Resolves when an answer begins: its content is another check's affair. */
function open(url: string, { authority, signal }: TrustCheck): Promise<void> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { signal, agent: false, ...(authority !== null && { ca: authority }) });
    outgoing.once('response', (answer) => {
      answer.destroy();
      resolve();
    });
    outgoing.once('error', reject);
    outgoing.end();
  });
}
