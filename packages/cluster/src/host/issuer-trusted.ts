import { request } from 'node:https';
import { isUntrusted, saidBy } from '../kube-api/tls-failure.ts';
import { bad, good, optional, unsure, type HostCheck } from './host-check.ts';

const type = 'IssuerTrusted';

/**
 * Reads the issuer's discovery document with nothing trusted but the authority that tenants are given (null: those of
 * this system), as their API servers will. From here and not from a pod: images for that have no tool that verifies.
 */
export async function checkIssuerTrusted(
  issuer: string,
  { authority, signal }: { authority: string | null; signal: AbortSignal },
): Promise<HostCheck> {
  const whose =
    authority === null ? 'a publicly trusted authority' : 'the authority that workspaces are given';
  try {
    await open(`${issuer}/.well-known/openid-configuration`, { authority, signal });
    return good(type, { reason: 'Trusted', message: `The certificate of ${issuer} is of ${whose}` });
  } catch (error) {
    const { words: why } = saidBy(error);
    if (!isUntrusted(error)) {
      const message = `Nobody could see the certificate of ${issuer} from here: ${why}`;
      return optional(unsure(type, { reason: 'NotReached', message }));
    }
    return bad(type, {
      reason: 'AnotherAuthority',
      message: `The certificate of ${issuer} is not of ${whose}: ${why}`,
      todo: 'Name the authority behind the public address, `system` for a publicly trusted one: HKS_PUBLIC_CA. Without it nobody can sign in to a workspace.',
    });
  }
}

/** Resolves when an answer begins: its content is another check's affair. */
function open(
  url: string,
  { authority, signal }: { authority: string | null; signal: AbortSignal },
): Promise<void> {
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
