import { grant, type Grant } from '@hexabase/contract/access/grant.ts';
import type { Operation } from '@hexabase/contract/operation.ts';
import { features } from '@hexabase/features/index.ts';
import { listGrantRows } from '@hexabase/features/grants/store.ts';
import { mailPort } from '@hexabase/features/outbox/mail-port.ts';
import { createExecute } from '@hexabase/features/run/execute.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { findUserByName } from '@hexabase/oidc/users.ts';
import type { OpenedDatabase } from '@hexabase/postgres/open-database.ts';
import type { ServerConfig } from '../../config.ts';
import { StartError } from '../../lifecycle/data-folder.ts';
import { loadMasterKey } from '../../lifecycle/master-key.ts';
import { readRunState } from '../../lifecycle/run-file.ts';
import { findOrganizationId } from '../store.ts';
import { operatorPorts } from '../users.ts';

export interface Installation {
  database: OpenedDatabase;
  config: ServerConfig;
}

/** Lets the operator into an organization, by the use case that the API runs: recorded, with letters to its owners. */
export async function breakGlass(
  installation: Installation,
  email: string,
  wish: Record<string, unknown>,
): Promise<Grant> {
  const { breakGlass: operation } = grant.operations;
  const body = operation.body.parse(wish);
  return grant.schema.parse(await runAs(installation, email, { operation, params: {}, body }));
}

/** Gives a grant of the operator back. */
export async function endGrant(installation: Installation, email: string, id: string): Promise<void> {
  await runAs(installation, email, { operation: grant.operations.end, params: { id }, body: {} });
}

/** Grants in an organization, the newest first. */
export async function listGrants(database: OpenedDatabase, organization: string): Promise<Grant[]> {
  const organizationId = await findOrganizationId(database, organization);
  const page = { page: 1, limit: 100, nowMs: systemClock.now() };
  const { data } = await database.asWorker((tx) => listGrantRows(tx, { organizationId }, page));
  return data;
}

interface Call {
  operation: Operation;
  params: Record<string, string>;
  body: unknown;
}

async function runAs({ database, config }: Installation, email: string, call: Call): Promise<unknown> {
  const user = await database.asIdentity((tx) => findUserByName(tx, email));
  if (!user || user.disabledAt) throw new StartError(`There is no account ${email}.`);
  const vault = createKeyVault(loadMasterKey(config));
  const site = config.publicUrl ?? readRunState(config.dataDir)?.httpUrl ?? 'http://localhost:8080';
  const mail = mailPort({ vault, sends: config.smtpUrl !== undefined, readable: false, site });
  const { data } = await createExecute(features, { ...operatorPorts(database), mail })({
    ...call,
    actor: {
      userId: user.id,
      email: user.email,
      sessionId: newId(),
      platformRole: user.platformRole,
      memberships: [],
    },
    query: {},
    requestId: newId(),
    idempotencyKey: null,
    ifMatch: null,
    signal: AbortSignal.timeout(30_000),
  });
  return data;
}
