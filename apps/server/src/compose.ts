import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import { hostAccess } from '@hexabase/cluster/host/host-access.ts';
import type { Execute } from '@hexabase/contract/call.ts';
import { roleChanges } from '@hexabase/features/access/reconcile/notice-role-changes.ts';
import { namespaceChanges } from '@hexabase/features/projects/reconcile/notice-namespaces.ts';
import { policyChanges } from '@hexabase/features/projects/reconcile/notice-policy-changes.ts';
import { auditSigner } from '@hexabase/features/audit/signer.ts';
import { openChangeFeed, type ChangeFeed } from '@hexabase/features/run/change-feed.ts';
import { startHostChecks } from '@hexabase/features/host-clusters/reconcile/host-checks.ts';
import { groupNamesOf } from '@hexabase/features/groups/group-names.ts';
import { features } from '@hexabase/features/index.ts';
import type { Ports } from '@hexabase/features/run/ports.ts';
import { mailPort } from '@hexabase/features/outbox/mail-port.ts';
import { createExecute } from '@hexabase/features/run/execute.ts';
import { noticeWrites } from '@hexabase/features/run/notice-writes.ts';
import { sleepEndsLook } from '@hexabase/features/workspaces/reconcile/ending/what-ends.ts';
import { countActiveWorkspaces, wakeWorkspace } from '@hexabase/features/workspaces/public.ts';
import { createGateway, type Gateway } from '@hexabase/gateway/gateway.ts';
import type { Waker } from '@hexabase/gateway/hold.ts';
import { createHttp } from '@hexabase/http/create-http.ts';
import type { HttpDeps } from '@hexabase/http/http-deps.ts';
import { createMetrics, type Metrics } from '@hexabase/http/metrics.ts';
import { providerPages } from '@hexabase/http/pages/provider-pages.ts';
import { noProxies, parseTrustedProxies, type TrustedProxies } from '@hexabase/kernel/client-address.ts';
import { systemClock, type Clock } from '@hexabase/kernel/clock.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import { accessAudit } from '@hexabase/oidc/access-audit.ts';
import { openIdentity, type Identity, type IdentityOptions } from '@hexabase/oidc/identity.ts';
import { kubeAccess } from '@hexabase/oidc/kube-access.ts';
import { runLogouts } from '@hexabase/oidc/provider/logout/run-logouts.ts';
import { createOidcHandler } from '@hexabase/oidc/provider/oidc-handler.ts';
import type { OpenedDatabase } from '@hexabase/postgres/open-database.ts';
import type { FastifyInstance } from 'fastify';
import { openBuiltInDriver } from './hosts/built-in-driver.ts';
import { startBackground, type BackgroundOptions } from './background.ts';
import { allowedHosts, isLoopbackOnly, nextCommands, type ServerUrls } from './addresses.ts';
import type { Certificates } from './certificates/load-certificates.ts';
import { issuerAuthority, publicAuthority } from './certificates/public-authority.ts';
import type { ServerConfig } from './config.ts';
import { ensureDefaultHost } from './hosts/default-host.ts';
import { networksOf } from './hosts/host-networks.ts';
import { openHosts, type Hosts } from './hosts/open-hosts.ts';
import { certificatesOf } from './installation/certificates-of.ts';
import { openInstallation, type InstallationOptions } from './installation/open-installation.ts';
import { openBuckets } from './limits/open-buckets.ts';
import { closeInTime } from './lifecycle/close-in-time.ts';
import { applyProvidersFile } from './sign-in/providers-file.ts';
import { lettersOf, mayAddAnybody, takesPasswords, waysToSignIn } from './sign-in/ways-to-sign-in.ts';
import { requirePoolPlans } from './start/warm-pool.ts';

/** The product in one process, not listening yet. */
export interface Product extends AsyncDisposable {
  urls: ServerUrls;
  database: OpenedDatabase;
  identity: Identity;
  execute: Execute;
  http: FastifyInstance;
  gateway: Gateway;
  certificates: Certificates;
  /** Names of the host clusters of now. */
  hostNames(): string[];
  /** Of the cluster of `--host-kubeconfig`, when it was added under another name before. */
  hostKnownAs: string | null;
  /** Signs the server's certificate anew when it is about to end; the authority stays. */
  renewCertificates(): Promise<Certificates>;
  clock: Clock;
  log: Logger;
}

interface Composed extends InstallationOptions {
  urls: ServerUrls;
}

/** Of the driver that is built in. */
const defaultRegion = 'local';

/** Puts the rooms together. What it opens is closed, in reverse order, when the answer is disposed. */
export async function compose(given: InstallationOptions): Promise<Product> {
  const { masterKey, log } = given;
  const clock = systemClock;
  await using opened = new AsyncDisposableStack();
  const { database, config, urls } = await openInstallation(opened, given);
  await requirePoolPlans(database, config);
  const options = { ...given, config, urls };
  const renewCertificates = certificatesOf({ ...options, database, clock });
  const certificates = await renewCertificates();
  const authority = publicAuthority(config, { caPem: certificates.caPem, nowMs: clock.now() });
  const issuer = `${urls.https}/oidc`;
  const identity = opened.use(
    await openIdentity({ db: database, masterKey, issuer, clock, ...rulesOf(config) }),
  );
  const parts: Parts = { database, identity, clock, log };
  await applyProvidersFile({ ...parts, vault: createKeyVault(masterKey), file: config.identityProviders });
  const { driver, ...told } = await openClusters(opened, { ...parts, options, certificates, authority });
  const trustedProxies = parseTrustedProxies(config.trustedProxies ?? '') ?? noProxies;
  const gateway = opened.use(
    await openGateway({ ...parts, driver, hosts: allowedHosts(options), trustedProxies }),
  );
  const metrics = createMetrics(() => countActiveWorkspaces(database));
  const ports = portsOf({ ...parts, options, authority, metrics, driver });
  const execute = createExecute(features, ports);
  const changes = opened.use(await openChangeFeed(ports));
  opened.use(
    await startBackground({
      ...parts,
      driver,
      issuer,
      mail: mailOf(options),
      defaultRegion,
      audit: { signer: auditSigner(masterKey), dataDir: config.dataDir },
    }),
  );
  opened.use(
    await runLogouts({
      ...providerOf({ ...parts, options }),
      loopbackNotices: onlyThisMachine(config),
    }),
  );
  const http = await createHttp({
    ...httpDepsOf({ ...parts, options, execute, changes, metrics, trustedProxies, ...told }),
    bookRequests: await openBuckets(opened, { ...options, database }),
  });
  opened.defer(() => closeInTime({ server: http.server, close: () => http.close() }));
  const resources = opened.move();
  return {
    ...parts,
    urls,
    execute,
    http,
    gateway,
    certificates,
    ...told,
    renewCertificates,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** What carries workspaces: the built-in driver and the host clusters, which are looked at from here on. */
async function openClusters(
  opened: AsyncDisposableStack,
  given: Parts & { options: Composed; certificates: Certificates; authority: string | null },
): Promise<Pick<Hosts, 'driver'> & Pick<Product, 'hostNames' | 'hostKnownAs'>> {
  const { options, certificates, authority, ...parts } = given;
  const { config, masterKey } = options;
  const { caPem } = certificates;
  const vault = createKeyVault(masterKey);
  const hostKnownAs = await ensureDefaultHost({ ...parts, config, vault });
  const hosts = opened.use(
    await openHosts({
      ...parts,
      vault,
      builtIn: await openBuiltInDriver(opened, { ...parts, config, caPem, issuerAuthority: authority }),
      settings: config.hosts,
      issuerAuthority: issuerAuthority(config, { caPem, nowMs: parts.clock.now() }),
      dataDir: config.dataDir,
    }),
  );
  const storageClass = config.hosts.storageClass ?? null;
  const networks = networksOf(config.hosts);
  opened.use(await startHostChecks({ ...parts, clientOf: hosts.clientOf, storageClass, networks }));
  return { driver: hosts.driver, hostNames: hosts.names, hostKnownAs };
}

function httpDepsOf(
  given: Parts & {
    options: Composed;
    execute: Execute;
    changes: ChangeFeed;
    metrics: Metrics;
    trustedProxies: TrustedProxies;
    hostNames(): string[];
  },
): HttpDeps {
  const { options, execute, changes, metrics, trustedProxies, database, identity, clock, log } = given;
  const { config, urls } = options;
  return {
    execute,
    authenticate: (token, begun) => identity.authenticate(token, begun),
    allowedHosts: allowedHosts(options),
    clock,
    log,
    metrics,
    ping: () => database.ping(),
    auth: {
      identity,
      oidc: createOidcHandler({
        ...providerOf(given),
        pages: providerPages,
        discoveryOrigin: config.hosts.discoveryUrl,
        groupsOf: (person) => groupNamesOf(database, person),
        ...(onlyThisMachine(config) && { browserOrigin: urls.http }),
      }),
      ...waysToSignIn({ ...given, ...options }),
    },
    changes,
    trustedProxies,
    metricsAccess: { token: null, openOnLoopback: isLoopbackOnly(options) },
    landing: () => ({
      kubernetesUrl: urls.https,
      simulated: given.hostNames().length === 0,
      // Anybody may read the page: it does not say where the program lies.
      commands: nextCommands('hks'),
    }),
    version: '0.1.0',
  };
}

/** What the OpenID provider and its logouts work with. */
function providerOf({ database, identity, clock, log, options }: Parts & { options: Composed }) {
  const { keys, issuer } = identity;
  return { db: database, keys, masterKey: options.masterKey, issuer, clock, log };
}

/** Without a public address only this machine is served. */
function onlyThisMachine({ publicUrl }: ServerConfig): boolean {
  return publicUrl === undefined;
}

/** What the operator set for accounts. */
function rulesOf(config: ServerConfig): Pick<IdentityOptions, 'passwords' | 'sessionsMax'> {
  return { passwords: takesPasswords(config), sessionsMax: config.sessionsMax };
}

function mailOf({ config, masterKey }: Composed): BackgroundOptions['mail'] {
  const server = config.smtpUrl === undefined ? null : { url: config.smtpUrl, from: config.mailFrom };
  return { vault: createKeyVault(masterKey), server };
}

interface Parts {
  database: OpenedDatabase;
  identity: Identity;
  clock: Clock;
  log: Logger;
}

function portsOf(
  given: Parts & {
    options: Composed;
    authority: string | null;
    metrics: Metrics;
    driver: ClusterDriver;
  },
): Ports {
  const { database, identity, clock, log, options, authority, metrics } = given;
  const vault = createKeyVault(options.masterKey);
  return {
    database,
    clock,
    log,
    kubernetes: {
      urlOf: (workspaceId) => `${options.urls.https}/k8s/workspaces/${workspaceId}`,
      certificateAuthority: () => authority,
    },
    mintKubeToken: (request) => identity.mintKubeToken(request),
    count: (_metric, labels) => metrics.countWorkspaceCreated({ plan: labels['plan'] ?? '' }),
    hostAccess: hostAccess(vault),
    secondFactors: identity.secondFactors,
    mail: mailPort({ vault, ...lettersOf(options.config), site: options.urls.http }),
    mayAddAnybody: mayAddAnybody(options.config),
    defaultRegion,
    deletionGraceMs: options.config.deletionGraceMinutes * 60_000,
    whatSleepEnds: sleepEndsLook(given),
    copying: async (id) => (await given.driver.copying?.(id)) ?? null,
    kubernetesVersions: async (id) => (await given.driver.kubernetesVersions?.(id)) ?? [],
    newestRelease: async (id) => (await given.driver.newestRelease?.(id)) ?? null,
  };
}

function openGateway({
  database,
  identity,
  driver,
  clock,
  log,
  hosts,
  trustedProxies,
}: Parts & {
  driver: ClusterDriver;
  hosts: readonly string[];
  trustedProxies: TrustedProxies;
}): Promise<Gateway> {
  const access = kubeAccess({ keys: identity.keys, issuer: identity.issuer, clock, db: database });
  const notices = [roleChanges, namespaceChanges, policyChanges];
  const audit = noticeWrites(accessAudit(database, log), { database, log }, notices);
  const wake = async (workspaceId: string, waker: Waker): Promise<void> => {
    await wakeWorkspace(database, workspaceId, { ...waker, nowMs: clock.now() });
  };
  return createGateway({ access, driver, audit, wake, allowedHosts: hosts, trustedProxies, clock, log });
}
