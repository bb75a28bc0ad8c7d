import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { audit, type AuditEntry } from '@hexabase/contract/audit.ts';
import { auditSigner } from '@hexabase/features/audit/signer.ts';
import type { ChainReport } from '@hexabase/features/audit/verify.ts';
import { readConfig } from '../config.ts';
import { headsPath, readHeads } from '../lifecycle/audit-heads.ts';
import { StartError } from '../lifecycle/data-folder.ts';
import { loadMasterKey } from '../lifecycle/master-key.ts';
import { exportAudit, listAudit, verifyAudit } from './audit.ts';
import { textTable } from '../text-table.ts';
import type { OperatorAnswer } from './commands.ts';
import { answer, inFormat, understood } from './noun-command.ts';
import { openOperatorDatabase, requireInstallation } from './open-operator-database.ts';

export const auditUsage = `Usage: hexabase-cli audit list [--organization NAME | --person EMAIL] [filters] [--page N] [--limit N]
       hexabase-cli audit export [--organization NAME | --person EMAIL] [filters] [--format csv|jsonl] > FILE
       hexabase-cli audit verify [--heads FILE]
       hexabase-cli audit key            the public key of signed heads and checkpoints

Without an organization or a person it is the log of the platform. Reading somebody's log is written into that log.

  --actor EMAIL|ID      --outcome allowed|denied|failed     --workspace NAME
  --action NAME         exact, or with * at its end: kube:*
  --target NAME         exact, or with * at its end
  --from TIME --to TIME for example 2030-01-31T00:00:00Z
  --heads FILE          compares with heads that were kept elsewhere too (verify always takes those in the data folder)
  --data-dir DIR        the installation (HKS_DATA_DIR)
  -o json               prints JSON`;

const text = { type: 'string' } as const;
const options = {
  'data-dir': text,
  output: { ...text, short: 'o' },
  help: { type: 'boolean', short: 'h' },
  organization: text,
  person: text,
  actor: text,
  action: text,
  target: text,
  outcome: text,
  workspace: text,
  from: text,
  to: text,
  page: text,
  limit: text,
  format: text,
  heads: text,
} as const;

type Values = ReturnType<typeof parse>['values'];

/** Runs `hexabase-cli audit …`. An export goes to `out` while it is made. Throws `StartError`, `ZodError`. */
export async function runAuditCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  out: NodeJS.WritableStream = process.stdout,
): Promise<OperatorAnswer> {
  const { values, positionals } = parse([...argv]);
  const [verb, ...more] = positionals;
  if (values.help || verb === undefined) return answer(auditUsage, { usage: auditUsage });
  if (!['list', 'export', 'verify', 'key'].includes(verb) || more.length > 0)
    throw new StartError(`There is no command "audit ${positionals.join(' ')}".\n\n${auditUsage}`);
  if (values.output !== undefined && values.output !== 'json') throw new StartError('`-o` takes json.');
  const config = readConfig(values['data-dir'] === undefined ? {} : { dataDir: values['data-dir'] }, env);
  requireInstallation(config);
  const signer = auditSigner(loadMasterKey(config));
  if (verb === 'key') return answer(signer.publicKey.trimEnd(), { publicKey: signer.publicKey });
  await using database = await openOperatorDatabase(config, { migrate: 'apply' });
  if (verb === 'verify') {
    const elsewhere = values.heads === undefined ? [] : readHeads(values.heads);
    const kept = [...readHeads(headsPath(config.dataDir)), ...elsewhere];
    return inFormat(verified(await verifyAudit(database, { signer, kept })), values.output);
  }
  if (verb === 'export') {
    const query = audit.operations.export.query.parse(filtersOf(values, ['format']));
    const chunks = await exportAudit(database, values, query);
    await pipeline(Readable.from(chunks), out, { end: false });
    return answer('', null);
  }
  const query = audit.operations.list.query.parse(filtersOf(values, ['page', 'limit']));
  const { data, total } = await listAudit(database, values, query);
  return inFormat(answer(tableOf(data, total), data), values.output);
}

function filtersOf(values: Values, also: readonly (keyof Values)[]): Record<string, unknown> {
  const names = ['actor', 'action', 'target', 'outcome', 'workspace', 'from', 'to', ...also] as const;
  return Object.fromEntries(
    names.flatMap((name) => (values[name] === undefined ? [] : [[name, values[name]]])),
  );
}

function tableOf(entries: readonly AuditEntry[], total: number): string {
  const cells = entries.map((entry) => [
    entry.createdAt,
    entry.actorEmail ?? '-',
    entry.address ?? '-',
    entry.action,
    entry.target,
    entry.outcome,
  ]);
  const table = textTable([['AT', 'WHO', 'FROM', 'ACTION', 'TARGET', 'OUTCOME'], ...cells]);
  return `${table}\n${entries.length} of ${total}`;
}

function verified(reports: readonly ChainReport[]): OperatorAnswer {
  const lines = reports.map(({ chain, entries, prunedUpTo, broken, problem }) => {
    const pruned = prunedUpTo === 0 ? '' : `, pruned up to ${prunedUpTo}`;
    return problem === null
      ? `whole   ${entries} entries${pruned}, ${ownerOf(chain)}`
      : `BROKEN  at entry ${broken}, ${ownerOf(chain)}: ${problem}`;
  });
  const isBroken = reports.some((report) => report.problem !== null);
  return {
    ...answer(lines.length > 0 ? lines.join('\n') : 'The audit log is empty.', reports),
    exitCode: isBroken ? 1 : 0,
  };
}

function ownerOf(chain: string): string {
  if (chain === '') return 'the platform';
  return chain.startsWith('person:') ? chain.replace(':', ' ') : `organization ${chain}`;
}

function parse(args: string[]) {
  return understood(() => parseArgs({ args, options, strict: true, allowPositionals: true }), auditUsage);
}
