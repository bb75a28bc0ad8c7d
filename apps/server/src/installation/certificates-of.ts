import { join } from 'node:path';
import type { Clock } from '@hexabase/kernel/clock.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { certificateHosts, type ServerUrls } from '../addresses.ts';
import { loadCertificates, type Certificates } from '../certificates/load-certificates.ts';
import { keepAuthority } from './authority.ts';
import type { Installation } from './open-installation.ts';

export interface OwnCertificates extends Pick<Installation, 'database' | 'config'> {
  urls: ServerUrls;
  masterKey: Buffer;
  clock: Clock;
}

/** Loads the certificates of this server each time it is called, making or renewing what has to be. */
export function certificatesOf(given: OwnCertificates): () => Promise<Certificates> {
  const { database, config, masterKey, clock } = given;
  const dir = join(config.dataDir, 'ca');
  const authorities = keepAuthority({ database, vault: createKeyVault(masterKey), dir });
  return () => loadCertificates({ dir, authorities, hosts: certificateHosts(given), clock });
}
