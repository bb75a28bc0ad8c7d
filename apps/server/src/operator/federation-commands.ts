import { parseArgs } from 'node:util';
import { federation, type Federation } from '@hexabase/contract/people/federation.ts';
import { requireRoom } from '@hexabase/features/federations/room.ts';
import {
  allFederationRows,
  deleteFederationRow,
  insertFederation,
} from '@hexabase/features/federations/store.ts';
import { findWorkspace } from '@hexabase/features/run/store.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { brandId, newId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import type { OpenedDatabase } from '@hexabase/postgres/open-database.ts';
import { StartError } from '../lifecycle/data-folder.ts';
import type { OperatorAnswer } from './commands.ts';
import { answer, nounOptions, runNounCommand, type NounRequest } from './noun-command.ts';
import { recordOperator, serviceAccounts } from './store.ts';

const federationUsage = `Usage: hexabase-cli federation add NAME --service-account EMAIL --issuer URL --audience TEXT
                                   --condition CLAIM=VALUE… --scope read|write|workspace:NAME
       hexabase-cli federation list
       hexabase-cli federation remove ID      what was given for its tokens ends within a second

Jobs of a CI system come in as a service account with the tokens that the system signs. Owners and admins of the
organization do the same with \`hks federation\`.

  --condition    may be repeated, all must hold; * is anything up to the next / or :, ** is anything
  --data-dir DIR the installation (HKS_DATA_DIR)
  -o json        prints JSON`;

const options = {
  ...nounOptions,
  'service-account': { type: 'string' },
  issuer: { type: 'string' },
  audience: { type: 'string' },
  condition: { type: 'string', multiple: true },
  scope: { type: 'string' },
} as const;

type Request = NounRequest<ReturnType<typeof parse>['values']>;

/** Runs `hexabase-cli federation …`. Throws `StartError` for a command line that cannot be understood, `ZodError`, `AppError`. */
export function runFederationCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<OperatorAnswer> {
  return runNounCommand(
    { noun: 'federation', usage: federationUsage, parse, verbs: { add, list, remove } },
    argv,
    env,
  );
}

async function add({ database, name, values }: Request): Promise<OperatorAnswer> {
  const body = federation.operations.create.body.parse({
    name,
    serviceAccount: values['service-account'],
    issuer: values.issuer,
    audience: values.audience,
    conditions: values.condition ?? [],
    scope: values.scope,
  });
  const account = (await serviceAccounts(database)).find(
    ({ email }) => email === body.serviceAccount.toLowerCase(),
  );
  if (!account) throw new StartError(`There is no service account ${body.serviceAccount}.`);
  const nowMs = systemClock.now();
  const id = newId(nowMs);
  const workspaceId = await workspaceOf(database, account.organizationId, body.scope);
  await database.asIdentity(async (tx) => {
    await requireRoom(tx, account.organizationId);
    const { issuer, audience, conditions } = body;
    const scope = workspaceId === null ? body.scope : 'workspace';
    const rule = { id, name, issuer, audience, conditions, scope, workspaceId, createdBy: 'operator' };
    const owner = { organizationId: account.organizationId, userId: account.id, createdAt: new Date(nowMs) };
    if (!(await insertFederation(tx, { ...rule, ...owner })))
      throw new StartError(`The organization has a rule ${name} already.`);
    await record(tx, 'add', { id, organizationId: account.organizationId, name });
  });
  return answer(`Added ${name} for ${account.email}.`, { id, name });
}

async function list({ database }: Request): Promise<OperatorAnswer> {
  const rules = await rulesOf(database);
  const lines = rules.map(
    (rule) =>
      `${rule.id}  ${rule.name.padEnd(20)} ${rule.serviceAccount}  ${rule.issuer}  ${rule.conditions.join(' ')}`,
  );
  return answer(lines.length === 0 ? 'No tokens of CI systems are taken.' : lines.join('\n'), rules);
}

async function remove({ database, name }: Request): Promise<OperatorAnswer> {
  const rule = (await rulesOf(database)).find(({ id }) => id === name);
  if (!rule)
    throw new StartError(`There is no rule ${name}; \`hexabase-cli federation list\` shows their ids.`);
  await database.asIdentity(async (tx) => {
    await deleteFederationRow(tx, rule.id);
    await record(tx, 'remove', rule);
  });
  return answer(`Removed ${rule.name}.`, { id: rule.id, removed: true });
}

async function rulesOf(database: OpenedDatabase): Promise<Federation[]> {
  const organizations = new Set(
    (await serviceAccounts(database)).map(({ organizationId }) => organizationId),
  );
  const rules = [...organizations].map((id) => database.asIdentity((tx) => allFederationRows(tx, id)));
  return (await Promise.all(rules)).flat();
}

/** Null for a scope that names no workspace. */
async function workspaceOf(
  database: OpenedDatabase,
  organizationId: string,
  scope: string,
): Promise<string | null> {
  if (!scope.startsWith('workspace:')) return null;
  const search = { idOrSlug: scope.slice('workspace:'.length), lock: false };
  const organizationIds = [brandId<'Organization'>(organizationId)];
  const found = await database.asWorker((tx) => findWorkspace(tx, { ...search, organizationIds }));
  if (!found) throw new StartError('The organization has no such workspace.');
  return found.id;
}

function record(
  tx: Tx,
  verb: string,
  { id, organizationId, name }: { id: string; organizationId: string; name: string },
): Promise<void> {
  const entry = { action: `operator.federation.${verb}`, target: `federation/${id}`, details: { name } };
  return recordOperator(tx, { ...entry, organizationId });
}

function parse(args: string[]) {
  return parseArgs({ args, options, strict: true, allowPositionals: true });
}
