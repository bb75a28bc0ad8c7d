import { createSecureContext } from 'node:tls';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { KeyVault } from '@hexabase/kernel/key-vault.ts';
import * as z from 'zod';
import {
  KubeconfigError,
  parseKubeconfig,
  type KubeCredentials,
  type KubeEndpoint,
} from '../kube-api/endpoint.ts';

const stored = z.object({
  server: z.string(),
  certificateAuthority: z.string().nullable(),
  serverName: z.string().optional(),
  credentials: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('token'), token: z.string() }),
    z.object({ kind: z.literal('certificate'), cert: z.string(), key: z.string() }),
  ]),
});

/**
 * Takes the one endpoint that is needed out of a kubeconfig and encrypts it for the row of this host cluster alone;
 * other contexts of the file are not kept. Throws `validation_failed` on `kubeconfig` for what is not taken.
 */
export function sealEndpoint(
  vault: Pick<KeyVault, 'seal'>,
  hostClusterId: string,
  given: { kubeconfig: string; context?: string | undefined },
): { sealed: string; server: string } {
  const endpoint = stored.parse(endpointOf(given));
  requireUsable(endpoint.credentials);
  const sealed = vault.seal(Buffer.from(JSON.stringify(endpoint)), contextOf(hostClusterId));
  return { sealed, server: endpoint.server };
}

/** Throws when the text was changed, belongs to another row, or was encrypted under another master key. */
export function openSealedEndpoint(
  vault: Pick<KeyVault, 'open'>,
  hostClusterId: string,
  sealed: string,
): KubeEndpoint {
  const { serverName, ...endpoint } = stored.parse(
    JSON.parse(vault.open(sealed, contextOf(hostClusterId)).toString('utf8')),
  );
  return { ...endpoint, ...(serverName !== undefined && { serverName }) };
}

/** Later every connection would fail with it, and look like a host that does not answer. */
function requireUsable(credentials: KubeCredentials): void {
  if (credentials.kind !== 'certificate') return;
  const { cert, key } = credentials;
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw notTaken(
      `The kubeconfig’s client certificate and key cannot be used together: ${why}. Copy both again.`,
    );
  }
}

/** Throws `validation_failed` on `kubeconfig` for what is not taken. */
export function endpointOf({
  kubeconfig,
  context,
}: {
  kubeconfig: string;
  context?: string | undefined;
}): KubeEndpoint {
  try {
    return parseKubeconfig(kubeconfig, context);
  } catch (error) {
    if (!(error instanceof KubeconfigError)) throw error;
    throw notTaken(error.message);
  }
}

function notTaken(message: string): AppError {
  return new AppError('validation_failed', {
    message,
    details: { fields: [{ path: 'kubeconfig', message }] },
  });
}

/** Table, row and column: a ciphertext that is moved to another row does not open. */
function contextOf(hostClusterId: string): string {
  return `host_cluster_credentials/${hostClusterId}/sealed`;
}
