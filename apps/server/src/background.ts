import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import { accessReconciler } from '@hexabase/features/access/reconcile/access-reconciler.ts';
import { chainAuditEntries } from '@hexabase/features/audit/chain.ts';
import { pruneAudit } from '@hexabase/features/audit/prune.ts';
import type { AuditSigner } from '@hexabase/features/audit/signer.ts';
import {
  namespacesReconciler,
  wakeOnNamespaceChanges,
} from '@hexabase/features/projects/reconcile/namespaces-reconciler.ts';
import { projectReconciler } from '@hexabase/features/projects/reconcile/project-reconciler.ts';
import { keepJobsAwake } from '@hexabase/features/workspaces/reconcile/idle/unfinished-jobs.ts';
import { clockPassMs, runWorkspaceClock } from '@hexabase/features/workspaces/reconcile/clock.ts';
import { rollOutPassMs, runRollOut } from '@hexabase/features/workspaces/reconcile/roll-out/roll-out.ts';
import { collectTenantOrphans, orphanPassMs } from '@hexabase/features/workspaces/reconcile/orphans.ts';
import { poolMemberReconciler } from '@hexabase/features/workspaces/reconcile/pool-member-reconciler.ts';
import { poolReconciler } from '@hexabase/features/workspaces/reconcile/pool-reconciler.ts';
import { purgeOrganizations } from '@hexabase/features/organizations/purge.ts';
import { workspaceReconciler } from '@hexabase/features/workspaces/reconcile/workspace-reconciler.ts';
import type { Clock } from '@hexabase/kernel/clock.ts';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import type { KeyVault } from '@hexabase/kernel/key-vault.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { Identity } from '@hexabase/oidc/identity.ts';
import type { OpenedDatabase } from '@hexabase/postgres/open-database.ts';
import { startEngine } from '@hexabase/reconcile/engine.ts';
import { startOutboxRelay, sweepOutbox, type Published } from '@hexabase/reconcile/outbox-relay.ts';
import { register } from '@hexabase/reconcile/registration.ts';
import { openMailTransport, sendNextMail, type MailServer } from './mail/send-mails.ts';
import { keepAuditHeads } from './lifecycle/audit-heads.ts';
import { createIdleCollector } from './lifecycle/idle-memory.ts';

export interface BackgroundOptions {
  database: OpenedDatabase;
  identity: Identity;
  driver: ClusterDriver;
  issuer: string;
  clock: Clock;
  log: Logger;
  mail: { vault: KeyVault; server: MailServer | null };
  /** Of the built-in driver. */
  defaultRegion: string;
  /** How the audit log is signed, and the folder that keeps its ends. */
  audit: { signer: AuditSigner; dataDir: string };
}

const secondMs = 1_000;
const minuteMs = 60_000;
const hourMs = 3_600_000;
const mailMs = 2_000;
const idleCheckMs = 20_000;
const keyAgeMsMax = 30 * 24 * hourMs;

/** The work that no request waits for: reconcilers, the outbox, the audit chain, and housekeeping. */
export async function startBackground(options: BackgroundOptions): Promise<AsyncDisposable> {
  const { database, identity, driver, issuer, clock, log, defaultRegion } = options;
  await using started = new AsyncDisposableStack();
  const registrations = [
    register(workspaceReconciler({ driver, issuer, clock, vault: options.mail.vault, database })),
    register(poolReconciler(defaultRegion)),
    register(poolMemberReconciler({ driver, issuer, clock })),
    register(projectReconciler({ driver })),
    register(namespacesReconciler({ driver })),
    register(accessReconciler({ driver, clock, log })),
  ];
  started.use(await startEngine({ database, registrations, clock, log }));
  started.use(wakeOnNamespaceChanges({ driver, database, log }));
  started.use(await startOutboxRelay({ database, log, publish: async (message) => announce(log, message) }));
  const collectWhenIdle = createIdleCollector();
  const silences = new Map<WorkspaceId, number>();
  const loops = [
    repeat({ name: 'idle memory', everyMs: idleCheckMs, log, work: async () => collectWhenIdle() }),
    repeat({
      name: 'housekeeping',
      everyMs: hourMs,
      log,
      work: async () => {
        await sweepOutbox(database);
        await pruneAudit(database, { signer: options.audit.signer, nowMs: clock.now() });
        await purgeOrganizations(database, new Date(clock.now()));
        await identity.prune();
        await identity.rotateSigningKeys({ olderThanMs: keyAgeMsMax });
      },
    }),
    repeat({
      name: 'clock of workspaces',
      everyMs: clockPassMs,
      log,
      work: async () => {
        const resting = await keepJobsAwake({ driver, database, clock, log, silences });
        await runWorkspaceClock({ database, clock, log, resting });
      },
    }),
    repeat({
      name: 'roll-out',
      everyMs: rollOutPassMs,
      log,
      work: async () => {
        await runRollOut({ database, driver, clock, log });
      },
    }),
    repeat({
      name: 'orphans',
      everyMs: orphanPassMs,
      log,
      work: async () => {
        await collectTenantOrphans({ database, driver, log });
      },
    }),
  ];
  for (const loop of [...loops, ...auditLoops(options), ...mailLoops(options)]) started.use(loop);
  const resources = started.move();
  return { [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

/** The log gets its places each second, and its ends are kept outside the database each minute. */
function auditLoops({ database, clock, log, audit }: BackgroundOptions): AsyncDisposable[] {
  const chain = async (): Promise<void> => {
    while ((await chainAuditEntries(database)) > 0);
  };
  const keep = (): Promise<void> => keepAuditHeads({ database, clock, log, ...audit });
  return [
    repeat({ name: 'audit chain', everyMs: secondMs, log, work: chain }),
    repeat({ name: 'audit heads', everyMs: minuteMs, log, work: keep }),
  ];
}

/** Letters leave when there is a mail server; without one they wait to be read. */
function mailLoops({ database, clock, log, mail }: BackgroundOptions): AsyncDisposable[] {
  if (!mail.server) return [];
  const transport = openMailTransport(mail.server);
  const sending = repeat({
    name: 'mails',
    everyMs: mailMs,
    log,
    work: async () => {
      while (await sendNextMail({ database, vault: mail.vault, transport, clock }));
    },
  });
  return [{ [Symbol.asyncDispose]: async () => transport.close() }, sending];
}

/** Platform events go to the log, from where log shippers take them. */
function announce(log: Logger, { id, subject, organizationId, payload }: Published): void {
  log.info({ eventId: id, subject, organizationId, ...payload }, 'platform event');
}

interface Loop {
  name: string;
  everyMs: number;
  log: Logger;
  work: () => Promise<void>;
}

/** Runs `work` now and then, one at a time; a failure is logged and tried again at the next turn. */
function repeat({ name, everyMs, log, work }: Loop): AsyncDisposable {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();
  const turn = (): void => {
    running = work()
      .catch((error: unknown) => {
        if (!stopped) log.warn({ error, loop: name }, 'background work failed; it is tried again');
      })
      .then(() => {
        if (!stopped) timer = setTimeout(turn, everyMs);
      });
  };
  timer = setTimeout(turn, everyMs);
  return {
    async [Symbol.asyncDispose]() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
