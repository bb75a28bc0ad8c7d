import { adviceFor, isBadWhenTrue } from '@hexabase/contract/advice/condition-advice.ts';
import { workspace } from '@hexabase/contract/workspace.ts';
import { longOperation, type LongOperation } from '@hexabase/contract/long-operation.ts';
import type { Workspace } from '@hexabase/contract/workspace.ts';
import { clause, sentences } from '@hexabase/kernel/text/sentences.ts';
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
      const told = explain(data);
      cli.print([told, ...(await lastSteps(data, { cli, told }))].join('\n'));
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
  const troubles = subject.conditions.filter(
    (condition) => isTrouble(condition) && !isRepeated(condition, subject),
  );
  const reasons = troubles.map((condition) => sentenceFor(withoutOthers(condition, troubles), subject));
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

/** Those that sum others up, the ones that sum up most first. */
const summaries = ['Ready', 'Stalled', 'ControlPlaneReady'];

/** Of a summary: what it says, one that sums up less, or nothing else, says as well. */
function isRepeated({ type, message }: Condition, { conditions }: Workspace): boolean {
  const rank = summaries.indexOf(type);
  if (rank === -1) return false;
  const others = conditions.filter((other) => isTrouble(other) && other.type !== type);
  if (type === 'Ready' && others.some((other) => other.type === 'Asleep')) return true;
  return others.some((other) => {
    const otherRank = summaries.indexOf(other.type);
    return (otherRank === -1 || otherRank > rank) && other.message === message;
  });
}

/** Words of hosts and registries may be long; what is as short as this may be there twice. */
const repeatedCharsMin = 40;

/** Without the words of another condition that it quotes, as an upgrade does of what it waits for. */
function withoutOthers(condition: Condition, troubles: readonly Condition[]): Condition {
  const quoted = troubles.find(({ type, message }) => {
    const isLong = message.length >= repeatedCharsMin && message.length < condition.message.length;
    return type !== condition.type && isLong && condition.message.includes(clause(message));
  });
  if (!quoted) return condition;
  const message = condition.message.replace(clause(quoted.message), () => `see ${quoted.type}`);
  return { ...condition, message };
}

function sentenceFor(condition: Condition, subject: Workspace): string {
  const advice = adviceFor(condition, subject);
  const { type, status, reason, message } = condition;
  const what = `${type} is ${status} (${reason})${message === '' ? '' : `: ${message}`}`;
  return `- ${sentences(what)}${advice ? `\n  What to do: ${advice}` : ''}`;
}

async function lastSteps(subject: Workspace, { cli, told }: { cli: Cli; told: string }): Promise<string[]> {
  if (!subject.operationId || subject.phase === 'active') return [];
  const { data } = await cli
    .client()
    .call(longOperation.operations.get, { params: { id: subject.operationId }, signal: cli.signal });
  return stepsInWords(data, told);
}

/** The operation and its last events. What was told above, or of an earlier event, is not told again. */
export function stepsInWords(operation: LongOperation, told: string): string[] {
  const before = [told];
  const words = (message: string): string => {
    if (message === '') return '';
    const plain = clause(message);
    const isLong = plain.length >= repeatedCharsMin;
    if (isLong && before.some((text) => text.includes(plain))) return ' – as told above';
    before.push(plain);
    return ` – ${message}`;
  };
  return [
    `Last operation ${operation.kind}: ${operation.state}${words(operation.message)}`,
    ...operation.events
      .slice(-5)
      .map(({ at, step, kind, message }) => `  ${at}  ${step}: ${kind}${words(message)}`),
  ];
}
