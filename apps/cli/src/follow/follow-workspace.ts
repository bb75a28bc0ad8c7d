import { workspace, type Workspace } from '@hexabase/contract/workspace.ts';
import { sentences } from '@hexabase/kernel/text/sentences.ts';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cli } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { progressLine, stepsOf, type ProgressLine } from '../progress.ts';
import { askPatiently } from './ask-patiently.ts';
import { operationOf } from './follow-operation.ts';

const pollMs = 100;

/** Shows the steps until the workspace is active. Throws `CliError` with the reason when it fails. */
export async function followWorkspace(created: Workspace, cli: Cli): Promise<Workspace> {
  const line = progressLine(cli.environment.isTerminal);
  const current = await settled(created, cli, line);
  line.end();
  if (current.phase === 'active') return current;
  const ready = current.conditions.find((condition) => condition.type === 'Ready');
  const what = `The workspace is ${current.phase}: ${ready?.message || 'no reason is known'}`;
  throw new CliError(sentences(what, `\`hks why workspace/${current.slug}\` tells more`));
}

/** Shows each step of the operation once, also those that were over before anybody asked. */
async function settled(created: Workspace, cli: Cli, line: ProgressLine): Promise<Workspace> {
  for (;;) {
    const look = () =>
      cli.client().call(workspace.operations.get, { params: { id: created.id }, signal: cli.signal });
    const { data } = await askPatiently(look, cli);
    if (data.operationId)
      for (const step of stepsOf(await operationOf(data.operationId, cli))) line.show(step);
    if (data.phase !== 'provisioning') return data;
    await delay(pollMs, undefined, { signal: cli.signal });
  }
}
