import { isThisMachine } from '@hexabase/cluster/host/from-pod/issuer-from-pod.ts';
import { hostConnections } from '@hexabase/features/host-clusters/reconcile/store.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import type { ServerConfig } from '../config.ts';
import { StartError } from '../lifecycle/data-folder.ts';
import { rememberedUrls } from '../installation/recall-urls.ts';
import { changeMemory, holdMemory } from '../installation/store.ts';
import { forgetNote } from '../lifecycle/notes.ts';

/**
 * Keeps the public and the discovery URL of this start for later ones and for other replicas, after making sure that
 * tenants on host clusters may be told them. Of several starts at once one is judged after the other. Called before
 * anything is said to be the issuer. Throws `StartError`.
 */
export async function keepPublicUrl(
  database: Pick<Database, 'asWorker'>,
  { dataDir, databaseUrl, publicUrl, publicUrlBefore: before, hosts: settings }: ServerConfig,
  url: string,
): Promise<void> {
  const { discoveryUrl, hostKubeconfig } = settings;
  await database.asWorker(async (tx) => {
    const { publicUrl: known } = rememberedUrls(dataDir, await holdMemory(tx));
    const hostNames = (await hostConnections(tx)).map(({ name }) => name);
    const remembered = known ?? undefined;
    requireIssuerOfHosts(hostNames, { url, remembered, before });
    if (databaseUrl !== undefined) requireIssuerOfReplicas({ url, remembered, before });
    const withHosts = hostNames.length > 0 || hostKubeconfig !== undefined;
    requireDiscoveryAddress(discoveryUrl, { url, withHosts });
    await changeMemory(tx, {
      public_url: publicUrl === undefined || isThisMachine(url) ? null : url,
      discovery_url: discoveryUrl ?? null,
    });
  });
  for (const note of ['public-url', 'discovery-url'] as const) forgetNote(dataDir, note);
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
  refuseAnother(
    { url, remembered, before },
    `Each workspace on the ${hosts} would be told to take sign-ins of the new one only, and everybody would have to fetch kubeconfigs again.`,
  );
}

/**
 * Refuses what other replicas on the same database do not have: what one of them signs, the others would not take. Throws
 * `StartError`.
 */
export function requireIssuerOfReplicas(urls: PublicUrls): void {
  refuseAnother(
    urls,
    'Servers on the same database that have the other one would not take what this one signs, and everybody would have to fetch kubeconfigs again.',
  );
}

function refuseAnother({ url, remembered, before }: PublicUrls, why: string): void {
  if (remembered === undefined || isSame(remembered, url)) return;
  if (before !== undefined && isSame(remembered, before)) return;
  throw new StartError(
    `The public URL of this installation is ${remembered}, and now it would be ${url}. ${why} On purpose: HKS_PUBLIC_URL_BEFORE=${remembered}. Else leave --public-url and HKS_PUBLIC_URL out. Nothing was changed.`,
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
