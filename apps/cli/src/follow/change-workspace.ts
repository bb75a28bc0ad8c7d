import { longOperation } from '@hexabase/contract/long-operation.ts';
import { workspace, type Workspace } from '@hexabase/contract/workspace.ts';
import { sentences } from '@hexabase/kernel/text/sentences.ts';
import type { Cli } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { followOperation } from './follow-operation.ts';

/**
 * Asks for a change of the workspace `name`, and shows its steps until it is done. Answers what the workspace is then. What
 * changes nothing begins no operation: how an earlier one ended is not its matter. Throws `CliError` with the reason when
 * it fails.
 */
export async function changeWorkspace(
  name: string,
  ask: () => Promise<unknown>,
  cli: Cli,
): Promise<Workspace> {
  const { id, slug, operationId: before } = await shown(name, cli);
  await ask();
  const { operationId: begun, ...asked } = await shown(id, cli);
  if (begun === null || (begun === before && !(await isRunning(begun, cli)))) {
    const version = asked.runningVersion === null ? '' : `, with Kubernetes ${asked.runningVersion}`;
    cli.note(`This changes nothing: ${slug} is ${asked.phase}${version}.`);
    return { ...asked, operationId: begun };
  }
  const { kind, state, message } = await followOperation(begun, cli);
  if (state !== 'succeeded') {
    const what = `The ${kind.split('.').at(-1)} of ${slug} has not been done: ${message}`;
    throw new CliError(sentences(what, `\`hks why workspace/${slug}\` tells more`));
  }
  const final = await shown(id, cli);
  if (final.operationId !== begun) cli.note('Something else was asked for meanwhile: this is how it ended.');
  return final;
}

async function shown(id: string, { client, signal }: Cli): Promise<Workspace> {
  return (await client().call(workspace.operations.get, { params: { id }, signal })).data;
}

async function isRunning(id: string, { client, signal }: Cli): Promise<boolean> {
  const { data } = await client().call(longOperation.operations.get, { params: { id }, signal });
  return data.state === 'running';
}
