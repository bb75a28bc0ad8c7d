import { isThisMachine } from '@hexabase/cluster/host/issuer-from-pod.ts';
import { hostConnections } from '@hexabase/features/host-clusters/reconcile/store.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import type { ServerConfig } from '../config.ts';
import { StartError } from '../lifecycle/data-folder.ts';
import { keepNote, readNote } from '../lifecycle/notes.ts';

/**
 * Keeps the public and the discovery URL of this start for later ones, after making sure that tenants on host clusters may
 * be told them. Called before anything is said to be the issuer. Throws `StartError`.
 */
export async function keepPublicUrl(
  database: Pick<Database, 'asWorker'>,
  { dataDir, publicUrl, publicUrlBefore: before, hosts: settings }: ServerConfig,
  url: string,
): Promise<void> {
  const hosts = await database.asWorker(hostConnections);
  const names = hosts.map(({ name }) => name);
  requireIssuerOfHosts(names, { url, remembered: readNote(dataDir, 'public-url'), before });
  const { discoveryUrl, hostKubeconfig } = settings;
  requireDiscoveryAddress(discoveryUrl, { url, withHosts: names.length > 0 || hostKubeconfig !== undefined });
  if (publicUrl !== undefined) keepNote(dataDir, 'public-url', isThisMachine(url) ? null : url);
  keepNote(dataDir, 'discovery-url', discoveryUrl ?? null);
}

export interface PublicUrls {
  /** As clients see this server from now on, without a trailing slash. */
  url: string;
  remembered: string | undefined;
  /** The setting that says that `url` takes its place on purpose. */
  before: string | undefined;
}

/**
 * Refuses what would lock everybody out of the workspaces on host clusters, before anything is written there: their API
 * servers are told our address as the issuer whose tokens they take. Throws `StartError`.
 */
export function requireIssuerOfHosts(
  hostNames: readonly string[],
  { url, remembered, before }: PublicUrls,
): void {
  if (hostNames.length === 0) return;
  const hosts = hostNames.length === 1 ? `host cluster ${hostNames[0]}` : `${hostNames.length} host clusters`;
  if (isThisMachine(url)) {
    throw new StartError(
      `Workspaces on the ${hosts} verify sign-ins with keys that they fetch from this server, and ${new URL(url).host} is another machine for each of their pods. Give --public-url https://NAME[:PORT], the address that this installation has, and --listen 0.0.0.0. (Without workspaces there: hexabase-cli host remove NAME.) Nothing was changed.`,
    );
  }
  if (
    remembered === undefined ||
    isSame(remembered, url) ||
    (before !== undefined && isSame(remembered, before))
  )
    return;
  throw new StartError(
    `The public URL of this installation is ${remembered}, and now it would be ${url}. Each workspace on the ${hosts} would be told to take sign-ins of the new one only, and everybody would have to fetch kubeconfigs again. On purpose: HKS_PUBLIC_URL_BEFORE=${remembered}. Else leave --public-url and HKS_PUBLIC_URL out. Nothing was changed.`,
  );
}

/** Refuses a discovery URL that is none: the public one again, or one that means each pod itself. Throws `StartError`. */
export function requireDiscoveryAddress(
  discoveryUrl: string | undefined,
  { url, withHosts }: { url: string; withHosts: boolean },
): void {
  if (discoveryUrl === undefined) return;
  if (new URL(url).origin === discoveryUrl) {
    throw new StartError(
      `The discovery URL ${discoveryUrl} is the public URL, where workspaces look anyway. Leave --discovery-url and HKS_DISCOVERY_URL out, or give \`none\` when an earlier start had another one. Nothing was changed.`,
    );
  }
  if (withHosts && isThisMachine(discoveryUrl)) {
    throw new StartError(
      `Workspaces on host clusters would look for our keys at the discovery URL, and ${new URL(discoveryUrl).host} is another machine for each of their pods. Give --discovery-url https://NAME[:PORT], an address of this server that pods reach, or \`none\` when they reach the public URL. Nothing was changed.`,
    );
  }
}

function isSame(one: string, other: string): boolean {
  return new URL(one).href === new URL(other).href;
}
