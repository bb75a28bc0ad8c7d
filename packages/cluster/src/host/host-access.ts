import type { KeyVault } from '@hexabase/kernel/key-vault.ts';
import { identifyCluster } from './cluster-identity.ts';
import { sealEndpoint } from './sealed-endpoint.ts';

/** What adding a host cluster and giving it other credentials needs: `sealEndpoint` with this vault, and `identifyCluster`. */
export function hostAccess(vault: Pick<KeyVault, 'seal'>) {
  return {
    seal: (hostClusterId: string, given: Parameters<typeof sealEndpoint>[2]) =>
      sealEndpoint(vault, hostClusterId, given),
    identify: identifyCluster,
  };
}
