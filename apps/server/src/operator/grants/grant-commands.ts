import { parseArgs } from 'node:util';
import type { Grant } from '@hexabase/contract/access/grant.ts';
import { StartError } from '../../lifecycle/data-folder.ts';
import type { OperatorAnswer } from '../commands.ts';
import { answer, nounOptions, runNounCommand, type NounRequest } from '../noun-command.ts';
import { breakGlass, endGrant, listGrants } from './run-grant.ts';

export const grantUsage = `Usage: hexabase-cli grant show ORGANIZATION
       hexabase-cli grant break-glass ORGANIZATION --email OPERATOR --reason TEXT [--level read|admin] [--hours N]
       hexabase-cli grant end ID --email OPERATOR

Who of the platform was let into an organization. Breaking the glass lets an operator (role super_admin) in without being
asked, for an hour unless told otherwise and eight at most; every owner of the organization gets a letter at once.

  --data-dir DIR    the installation (HKS_DATA_DIR)
  -o json           prints JSON`;

const text = { type: 'string' } as const;
const options = { ...nounOptions, email: text, reason: text, level: text, hours: text } as const;

type Request = NounRequest<ReturnType<typeof parse>['values']>;

/** Runs `hexabase-cli grant …`. Throws `StartError` for a command line that cannot be understood. */
export function runGrantCommand(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<OperatorAnswer> {
  const verbs = { show, 'break-glass': enter, end };
  return runNounCommand({ noun: 'grant', usage: grantUsage, parse, verbs }, argv, env);
}

async function show({ database, name }: Request): Promise<OperatorAnswer> {
  const found = await listGrants(database, name);
  return answer(
    ['LEVEL  KIND         STATE    EXPIRES                   OPERATOR, REASON', ...found.map(line)].join(
      '\n',
    ),
    found,
  );
}

async function enter(request: Request): Promise<OperatorAnswer> {
  const { level, reason, hours } = request.values;
  const made = await breakGlass(request, emailOf(request), {
    organization: request.name,
    reason,
    ...(level !== undefined && { level }),
    ...(hours !== undefined && { hours: Number(hours) }),
  });
  const said = `${made.operator} may ${made.level} in ${request.name} until ${made.expiresAt}; its owners have been told.`;
  return answer(
    `${said}\nGive it back with: hexabase-cli grant end ${made.id} --email ${made.operator}`,
    made,
  );
}

async function end(request: Request): Promise<OperatorAnswer> {
  await endGrant(request, emailOf(request), request.name);
  return answer('The grant has ended.', { id: request.name });
}

function emailOf({ values }: Request): string {
  if (values.email === undefined) throw new StartError('Say which operator: `--email E`.');
  return values.email;
}

function line({ level, kind, state, expiresAt, operator, reason }: Grant): string {
  return `${level.padEnd(5)}  ${kind.padEnd(11)}  ${state.padEnd(7)}  ${expiresAt}  ${operator}, ${reason}`;
}

function parse(args: string[]) {
  return parseArgs({ args, options, strict: true, allowPositionals: true });
}
