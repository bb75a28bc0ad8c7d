import type { TenantClient } from '../../port.ts';
import { bad, good, unsure, type HostCheck } from '../host-check.ts';
import { runPod } from './run-pod.ts';

export interface IssuerCheck {
  /** `https://…/oidc`, as it stands in tokens. */
  issuer: string;
  /** Where API servers of tenants are told to find its discovery document; undefined: at the issuer itself. */
  discoveryUrl?: string | undefined;
  /** Image with a shell and wget or curl; null runs no pod. */
  image: string | null;
  /** What a shell of the image runs to print what lies at `$URL`; curl or else wget when null. */
  command: string | null;
  pullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  signal: AbortSignal;
}

const type = 'IssuerReachable';

/** The certificate is not judged here: tenants are given the authority, the image does not have it. */
export const fetching =
  'if command -v curl >/dev/null; then curl -fsSk "$URL"; else wget -q --no-check-certificate -O - "$URL"; fi';

/**
 * Fetches the issuer's discovery document from a pod of the host cluster: tenants' API servers must reach it from there
 * to verify anybody's token. The pod is removed again, whatever comes out. When the signal aborts the answer is what the
 * pod waited for.
 */
export async function checkIssuerFromPod(client: TenantClient, options: IssuerCheck): Promise<HostCheck> {
  const { discoveryUrl, image, command, pullPolicy, signal } = options;
  const document = documentOf(options);
  if (isThisMachine(document)) {
    const [which, flag] =
      discoveryUrl === undefined ? ['public', '--public-url'] : ['discovery', '--discovery-url'];
    return bad(type, {
      reason: 'NotPublic',
      message: `The ${which} address is ${new URL(document).origin}, which is another machine for every pod`,
      todo: `Start the server with ${flag} https://NAME under which pods of the host cluster reach it.`,
    });
  }
  if (image === null) {
    return unsure(type, {
      reason: 'NoImageAllowed',
      message: `Nobody tried whether pods reach ${document}: no image is allowed for it`,
      todo: 'Name an image with a shell and wget: HKS_CHECK_IMAGE.',
    });
  }
  const asked = { image, pullPolicy, signal, script: command ?? fetching, url: document };
  const found = await runPod(client, { ...asked, whether: `pods reach ${document}` });
  return 'said' in found ? saidInPod(found.said, options) : unsure(type, found);
}

/** Where an API server of a tenant asks. */
export function documentOf({ issuer, discoveryUrl }: Pick<IssuerCheck, 'issuer' | 'discoveryUrl'>): string {
  return discoveryUrl ?? `${issuer}/.well-known/openid-configuration`;
}

/**
 * What a pod's print of the discovery document tells. Keys are fetched from where the document says, so they must lie at
 * the address that pods reach.
 */
export function saidInPod(
  text: string,
  { issuer, discoveryUrl }: Pick<IssuerCheck, 'issuer' | 'discoveryUrl'>,
): HostCheck {
  const document = documentOf({ issuer, discoveryUrl });
  const valueOf = (name: string) => new RegExp(`"${name}"\\s*:\\s*"([^"]*)"`).exec(text)?.[1];
  const said = valueOf('issuer');
  if (said !== issuer) {
    const why = said === undefined ? lastLine(text) : `there is ${said}`;
    const which = discoveryUrl === undefined ? 'public' : 'discovery';
    return bad(type, {
      reason: said === undefined ? 'NotReached' : 'AnotherIssuer',
      message: `A pod of the host does not get ${document}: ${why}`,
      todo: `Make the ${which} address reachable from pods (DNS, firewall, --listen)${discoveryUrl === undefined ? ' or give them another one (--discovery-url)' : ''}, then check again. Without it nobody can sign in to a workspace.`,
    });
  }
  const keys = valueOf('jwks_uri') ?? '';
  if (discoveryUrl !== undefined && !keys.startsWith(`${new URL(discoveryUrl).origin}/`)) {
    return bad(type, {
      reason: 'KeysElsewhere',
      message: `A pod of the host reads ${document}, and there that the keys lie at ${keys}`,
      todo: `What is between pods and the server must pass the Host header on as it came, with its port; and the server must have been started with this discovery address. Without it nobody can sign in to a workspace.`,
    });
  }
  const from = discoveryUrl === undefined ? '' : ` from ${document}`;
  return good(type, { reason: 'Reached', message: `A pod of the host reads ${issuer}${from}` });
}

/** Addresses that mean the pod itself when a pod uses them. */
export function isThisMachine(url: string): boolean {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '').toLowerCase();
  return (
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    host === '::1' ||
    host === '0.0.0.0' ||
    host === '::' ||
    host.startsWith('127.')
  );
}

function lastLine(log: string): string {
  return log.trim().split('\n').at(-1)?.slice(0, 300) || 'it got no answer';
}
