import { once } from 'node:events';
import { audit, type AuditFilters } from '@hexabase/contract/audit.ts';
import { Option, type Command } from 'commander';
import type { Cli } from '../cli.ts';
import { nounCommand } from '../resource-commands.ts';

/** `hks audit export --format csv > FILE`: written while it comes, however long it is. */
export function addAuditExport(program: Command, cli: Cli): void {
  const operation = audit.operations.export;
  nounCommand(program, audit)
    .command('export')
    .description(operation.summary)
    .addOption(new Option('--format <format>', 'of the lines').choices(['jsonl', 'csv']).default('jsonl'))
    .option('--actor <value>', 'e-mail address or id')
    .option('--action <value>', 'exact, or a beginning with * at its end: kube:*')
    .option('--target <value>', 'exact, or a beginning with * at its end')
    .addOption(new Option('--outcome <value>', 'what came of it').choices(['allowed', 'denied', 'failed']))
    .option('--workspace <value>', 'slug or id')
    .option('--from <time>', 'not before this time, for example 2030-01-31T00:00:00Z')
    .option('--to <time>', 'before this time')
    .option('--organization <name>', 'slug or id; the current or only one when absent')
    .action(async (options: AuditFilters & { format: 'csv' | 'jsonl'; organization?: string }) => {
      const { organization, ...query } = options;
      const params = { id: organization ?? (await cli.currentScope('organization')) };
      const text = await cli.client().download(operation, { params, query, signal: cli.signal });
      for await (const piece of text) {
        if (!process.stdout.write(piece)) await once(process.stdout, 'drain', { signal: cli.signal });
      }
    });
}
