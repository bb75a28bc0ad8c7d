import type { Database } from '@hexabase/postgres/database.ts';
import type { ServerConfig } from '../config.ts';
import { carryMasterKey } from '../lifecycle/master-key.ts';
import { readNote, unusableNote } from '../lifecycle/notes.ts';
import { readMemory, type Memory } from './store.ts';

/** Where an installation is reached, as its starts agreed; null is nothing beyond this machine, and no second address. */
export interface RememberedUrls {
  publicUrl: string | null;
  discoveryUrl: string | null;
}

/**
 * The settings of this process with the URLs that the installation has, where it names none. Throws `StartError` for a note
 * of an earlier version that cannot be read.
 */
export async function recallUrls(
  database: Pick<Database, 'asWorker'>,
  config: ServerConfig,
): Promise<ServerConfig> {
  const remembered = rememberedUrls(config.dataDir, await database.asWorker(readMemory));
  const publicUrl = config.publicUrl ?? remembered.publicUrl;
  const discoveryUrl = config.hosts.discoveryUrl ?? remembered.discoveryUrl;
  const { discoveryUrl: _given, ...hosts } = config.hosts;
  const recalled = {
    ...config,
    ...(publicUrl !== null && { publicUrl }),
    hosts: { ...hosts, ...(discoveryUrl !== null && !hosts.noDiscoveryUrl && { discoveryUrl }) },
  };
  carryMasterKey(config, recalled);
  return recalled;
}

/** What the database has, and what only the data folder of an earlier version has. */
export function rememberedUrls(
  dataDir: string,
  memory: Pick<Memory, 'public_url' | 'discovery_url'>,
): RememberedUrls {
  return {
    publicUrl: memory.public_url ?? notedUrl(dataDir, 'public-url'),
    discoveryUrl: memory.discovery_url ?? notedUrl(dataDir, 'discovery-url'),
  };
}

function notedUrl(dataDir: string, note: 'public-url' | 'discovery-url'): string | null {
  const text = readNote(dataDir, note);
  if (text === undefined) return null;
  if (!URL.canParse(text) || new URL(text).protocol !== 'https:')
    throw unusableNote(dataDir, note, 'holds no https address');
  return text;
}
