import { longOperation, type LongOperation } from '@hexabase/contract/long-operation.ts';
import { workspace, type Workspace } from '@hexabase/contract/workspace.ts';
import { findCondition } from '@hexabase/kernel/conditions.ts';
import { sentences } from '@hexabase/kernel/text/sentences.ts';
import type { Cli } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { valueAt } from '../table.ts';
import { askPatiently } from './ask-patiently.ts';
import { followOperation } from './follow-operation.ts';

export interface AskedChange {
  /** Slug or id. */
  name: string;
  /** Asks for it; the answer is the workspace. */
  ask(): Promise<{ data: unknown }>;
  /** What is told when it began nothing. */
  unchanged?: string | undefined;
}

/**
 * Asks for a change of a workspace, and shows its steps until it is done. Answers what the workspace is then. What
 * changes nothing begins no operation: how an earlier one ended is not its matter. Throws `CliError` with the reason when
 * it fails, and when somebody else asked for the contrary meanwhile.
 */
export async function changeWorkspace(
  { name, ask, unchanged = 'This changes nothing' }: AskedChange,
  cli: Cli,
): Promise<Workspace> {
  const before = await shown(name, cli);
  const { id, slug } = before;
  const begun = valueAt((await ask()).data, 'operationId');
  if (
    typeof begun !== 'string' ||
    (begun === before.operationId && !(await askPatiently(() => isRunning(begun, cli), cli)))
  ) {
    const asked = await askPatiently(() => shown(id, cli), cli);
    const version = asked.runningVersion === null ? '' : `, with Kubernetes ${asked.runningVersion}`;
    cli.note(`${unchanged}: ${slug} is ${asked.phase}${version}.`);
    return asked;
  }
  const operation = await followOperation(begun, cli);
  const verb = verbOf(operation);
  if (operation.state !== 'succeeded') {
    const what = `The ${verb} of ${slug} has not been done: ${operation.message}`;
    throw new CliError(sentences(what, `\`hks why workspace/${slug}\` tells more`));
  }
  const after = await askPatiently(() => shown(id, cli), cli);
  if (after.operationId !== begun) {
    const contrary = contraryOf(verb, after);
    if (contrary !== null) throw new CliError(`The ${verb} of ${slug} was overtaken: meanwhile ${contrary}.`);
    cli.note(`Something else was asked for meanwhile: ${slug} is ${after.phase}.`);
  }
  tellOfPlan(before, after, cli);
  return after;
}

/** `sleep` of `workspace.sleep`. */
function verbOf({ kind }: LongOperation): string {
  return kind.split('.').at(-1) ?? kind;
}

/** What was asked for since and leaves nothing of it, in words; its phase may still be that of before. Null for nothing. */
function contraryOf(verb: string, { sleep, deletionRequestedAt }: Workspace): string | null {
  if (deletionRequestedAt !== null) return 'its deletion was asked for';
  if (verb === 'sleep' && !sleep.wanted) return 'it was woken again';
  return verb === 'wake' && sleep.wanted ? 'it was sent to sleep again' : null;
}

/** A plan that is asked for while it sleeps comes, or is refused, with the wake, which is done all the same. */
function tellOfPlan(before: Workspace, { plan, slug, sleep, conditions }: Workspace, { note }: Cli): void {
  if (plan === before.plan) return;
  const fit = findCondition(conditions, 'PlanFits');
  if (sleep.wanted) note(`${slug} sleeps: the plan ${plan} comes when it wakes, if what runs fits.`);
  else if (fit?.status === 'False') note(sentences(fit.message));
}

async function shown(id: string, { client, signal }: Cli): Promise<Workspace> {
  return (await client().call(workspace.operations.get, { params: { id }, signal })).data;
}

async function isRunning(id: string, { client, signal }: Cli): Promise<boolean> {
  const { data } = await client().call(longOperation.operations.get, { params: { id }, signal });
  return data.state === 'running';
}
