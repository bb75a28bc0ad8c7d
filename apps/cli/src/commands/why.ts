import { adviceFor, isBadWhenTrue } from '@hexabase/contract/advice/condition-advice.ts';
import { workspace } from '@hexabase/contract/workspace.ts';
import { longOperation } from '@hexabase/contract/long-operation.ts';
import type { Workspace } from '@hexabase/contract/workspace.ts';
import { sentences } from '@hexabase/kernel/text/sentences.ts';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { CliError } from '../cli-error.ts';

/** `hks why workspace/NAME`: the current state in words, from the conditions and the last operation. */
export function addWhy(program: Command, cli: Cli): void {
  program
    .command('why')
    .description('Explains the current state of something, for example `hks why workspace/demo`.')
    .argument('<kind/name>')
    .action(async (subject: string) => {
      const [kind, name] = subject.split('/');
      if (kind !== 'workspace' || !name)
        throw new CliError('`hks why` can explain workspaces so far: `hks why workspace/NAME`.');
      const { data } = await cli
        .client()
        .call(workspace.operations.get, { params: { id: name }, signal: cli.signal });
      cli.print([explain(data), ...(await lastSteps(data, cli))].join('\n'));
    });
}

/** The sentences for a workspace. */
export function explain(subject: Workspace): string {
  const behind =
    subject.observedGeneration < subject.generation ? ' Its newest change is still being carried out.' : '';
  const head = `Workspace ${subject.slug} is ${subject.phase}.${behind}`;
  const doing = subject.progress
    ? [`Now: step ${subject.progress.step} of ${subject.progress.steps}: ${subject.progress.message}.`]
    : [];
  // What follows from something else that is named anyway is left out.
  const reasons = subject.conditions
    .filter((condition) => isTrouble(condition) && !isRepeated(condition, subject))
    .map((condition) => sentenceFor(condition, subject.slug));
  const good = subject.conditions
    .filter(({ type, status }) => status === 'True' && !isBadWhenTrue(type))
    .map((condition) => condition.type);
  const fine = good.length > 0 ? [`In order: ${good.join(', ')}.`] : [];
  return [head, ...doing, ...reasons, ...fine].join('\n');
}

type Condition = Workspace['conditions'][number];

function isTrouble({ type, status, message }: Condition): boolean {
  return isBadWhenTrue(type) ? status !== 'False' : status !== 'True' && message !== '';
}

/** Those that sum others up. */
const summaries = ['Ready', 'Stalled'];

function isRepeated({ type, message }: Condition, { conditions }: Workspace): boolean {
  const others = conditions.filter((other) => other.type !== type && isTrouble(other));
  const told = others.some((other) => !summaries.includes(other.type) && other.message === message);
  if (type === 'Stalled') return told;
  const isSummed = others.some((other) => other.type === 'Asleep' || other.message === message);
  return type === 'Ready' && isSummed;
}

function sentenceFor(condition: Condition, slug: string): string {
  const advice = adviceFor(condition, slug);
  const { type, status, reason, message } = condition;
  const what = `${type} is ${status} (${reason})${message === '' ? '' : `: ${message}`}`;
  return `- ${sentences(what)}${advice ? `\n  What to do: ${advice}` : ''}`;
}

async function lastSteps(subject: Workspace, cli: Cli): Promise<string[]> {
  if (!subject.operationId || subject.phase === 'active') return [];
  const { data } = await cli
    .client()
    .call(longOperation.operations.get, { params: { id: subject.operationId }, signal: cli.signal });
  const last = data.events
    .slice(-5)
    .map(
      (event) => `  ${event.at}  ${event.step}: ${event.kind}${event.message ? ` – ${event.message}` : ''}`,
    );
  return [`Last operation ${data.kind}: ${data.state}${data.message ? ` – ${data.message}` : ''}`, ...last];
}
