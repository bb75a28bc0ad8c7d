import { expect, test } from 'vitest';
import { ClientError } from '@hexabase/client/client-error.ts';
import type { SleepEnds } from '@hexabase/contract/workspace-sleep.ts';
import { Command } from 'commander';
import { createCli } from '../cli.ts';
import { addWorkspaceSleep } from './workspace-sleep.ts';

const lost = {
  pods: { count: 1, names: ['default/debug'] },
  jobs: { count: 22, names: ['shop/nightly'] },
};
const none = { pods: { count: 0, names: [] }, jobs: { count: 0, names: [] } };

/** What the command asked the server, and said beside its result. */
async function sleepCommand(ends: SleepEnds | null | number, ...options: string[]) {
  const asked: string[] = [];
  let begun: string | null = null;
  const noted: string[] = [];
  const environment = {
    configFile: '',
    context: null,
    token: null,
    server: null,
    launcher: 'hks',
    parentPid: 1,
  };
  const cli = createCli({ ...environment, isTerminal: false, browser: null }, new AbortController().signal);
  const answer = async (operation: { id: string }): Promise<unknown> => {
    const data = { slug: 'demo', operationId: begun, conditions: [] };
    if (operation.id === 'workspace.get') return { data, meta: {} };
    if (operation.id === 'operation.get')
      return { data: { kind: 'workspace.sleep', state: 'succeeded', events: [], progress: null }, meta: {} };
    asked.push(operation.id);
    if (operation.id === 'workspace.sleep') begun = 'operation';
    if (operation.id !== 'workspace.sleep-ends') return { data: { ...data, operationId: begun }, meta: {} };
    if (typeof ends === 'number')
      throw new ClientError(ends, { code: 'not_found', message: 'Nothing there.' });
    return { data: { ends }, meta: {} };
  };
  const client = Object.assign(Object.create(null), { call: answer, invoke: answer });
  const program = new Command().exitOverride();
  addWorkspaceSleep(program, {
    ...cli,
    client: () => client,
    note: (text) => void noted.push(text),
    print: () => undefined,
  });
  const refusal = await program
    .parseAsync(['workspace', 'sleep', 'demo', ...options], { from: 'user' })
    .then(() => null)
    .catch((error: Error) => error.message);
  return { asked, noted, refusal };
}

const asksBoth = ['workspace.sleep-ends', 'workspace.sleep'];

test('a sleep that ends pods or Jobs names them and does nothing without a yes', async () => {
  const { asked, noted, refusal } = await sleepCommand(lost);
  expect(noted).toEqual([
    'This sleep ends 1 pod that nothing makes again (default/debug) and 22 Jobs that have not ended (shop/nightly, …).',
  ]);
  expect(asked).toEqual(['workspace.sleep-ends']);
  expect(refusal).toContain('--yes');
  const meant = await sleepCommand(lost, '--yes');
  expect(meant).toMatchObject({ asked: asksBoth, refusal: null, noted: [expect.stringContaining('debug')] });
});

test('a sleep that ends nothing asks nothing, also of a server that does not tell', async () => {
  for (const ends of [none, 404, 405])
    expect(await sleepCommand(ends)).toEqual({ asked: asksBoth, noted: [], refusal: null });
});

test('that nobody could look is said, and keeps nobody from it', async () => {
  const { asked, noted, refusal } = await sleepCommand(null);
  expect({ asked, refusal }).toEqual({ asked: asksBoth, refusal: null });
  expect(noted).toEqual(['Nobody could look which pods and Jobs this sleep ends.']);
});
