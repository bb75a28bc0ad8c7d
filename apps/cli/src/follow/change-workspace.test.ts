import { beforeEach, expect, test } from 'vitest';
import { Command } from 'commander';
import { ClientError } from '@hexabase/client/client-error.ts';
import { addWorkspaceSleep } from '../commands/workspace-sleep.ts';
import { addResourceCommands } from '../resource-commands.ts';
import { createCli } from '../cli.ts';

/** How the operation that the server begins goes on, from one look to the next. */
type State = { state: string; message: string };
const succeeds: State[] = [
  { state: 'running', message: 'Waiting for a worker' },
  { state: 'succeeded', message: 'Done' },
];

let asked: string[];
let printed: string[];
let noted: string[];
/** Operations that were looked at. */
let followed: (string | undefined)[];
beforeEach(() => {
  followed = [];
  asked = [];
  printed = [];
  noted = [];
});

const demo = {
  id: 'w1',
  slug: 'demo',
  name: 'Demo',
  plan: 'starter',
  runningVersion: 'v1.35.2',
  conditions: [] as object[],
  sleep: { wanted: false },
  deletionRequestedAt: null as string | null,
};

interface Server {
  /** Null: it changes nothing. */
  begins: State[] | null;
  /** How the operation before ended. */
  before?: string;
  /** What it is when that is over. */
  after?: Partial<typeof demo>;
  /** Somebody asks for something else as soon as it is done, or before anybody looks again. */
  overtaken?: 'when done' | 'at once';
  /** So many looks at the operation are in vain. */
  away?: number;
}

interface Given {
  params?: { id?: string };
}

/** Runs `hks workspace …`; answers the complaint with which it ended, null for none. */
async function hks(server: Server, ...args: string[]): Promise<string | null> {
  const begun = { kind: `workspace.${args[0]}`, events: [], progress: null };
  let operationId = 'earlier';
  let phase = 'active';
  let left = [...(server.begins ?? [])];
  let { away = 0 } = server;
  const answers: Record<string, () => unknown> = {
    'workspace.get': () => ({ ...demo, ...(phase === 'changed' && server.after), operationId, phase }),
    'workspace.sleep-ends': () => ({ ends: null }),
    'operation.get': () => {
      if (away-- > 0) throw new ClientError(0, { code: 'unreachable', message: 'Cannot reach it.' });
      if (operationId === 'earlier') return { ...begun, state: server.before ?? 'succeeded', message: 'old' };
      const [now, ...rest] = left;
      if (rest.length > 0) left = rest;
      if (now?.state !== 'running') phase = 'changed';
      if (now?.state !== 'running' && server.overtaken === 'when done') operationId = 'later';
      return { ...begun, ...now };
    },
  };
  const answer = async ({ id }: { id: string }, { params }: Given = {}): Promise<unknown> => {
    if (id === 'operation.get') followed.push(params?.id);
    const look = answers[id];
    if (look) return { data: look(), meta: {} };
    asked.push(id);
    if (server.begins !== null) {
      operationId = 'new';
      phase = 'updating';
    }
    const data = answers['workspace.get']?.();
    if (server.overtaken === 'at once') operationId = 'later';
    return { data, meta: {} };
  };
  const environment = { configFile: '', context: null, token: null, server: null, launcher: 'hks' };
  const cli = {
    ...createCli(
      { ...environment, parentPid: 1, isTerminal: false, browser: null },
      new AbortController().signal,
    ),
    client: () => Object.assign(Object.create(null), { call: answer, invoke: answer }),
    invoke: answer as never,
    note: (text: string) => void noted.push(text),
    print: (text: string) => void printed.push(text),
  };
  const program = new Command().exitOverride();
  addWorkspaceSleep(program, cli);
  addResourceCommands(program, cli);
  return program
    .parseAsync(['workspace', ...args], { from: 'user' })
    .then(() => null)
    .catch((error: Error) => error.message);
}

const verbs = [
  ['sleep', 'demo'],
  ['wake', 'demo'],
  ['upgrade', 'demo', '--kubernetes-version', '1.35'],
  ['update', 'demo', '--plan', 'starter'],
  ['restore', 'demo'],
  ['retry', 'demo'],
];

test.each(verbs)('%s returns when it is done, unless told not to wait', async (...args) => {
  expect(await hks({ begins: succeeds }, ...args)).toBeNull();
  expect(printed.join()).toMatch(/demo +starter +changed/);
  printed = [];
  expect(await hks({ begins: succeeds }, ...args, '--no-wait')).toBeNull();
  expect(printed.join()).toMatch(/demo +starter +updating/);
  expect(asked).toEqual(Array(2).fill(`workspace.${args[0]}`));
});

test.each(verbs)('%s that fails fails with the reason', async (...args) => {
  const fails = [
    { state: 'running', message: '' },
    { state: 'failed', message: 'The plan is too small' },
  ];
  expect(await hks({ begins: fails }, ...args)).toBe(
    `The ${args[0]} of demo has not been done: The plan is too small. \`hks why workspace/demo\` tells more.`,
  );
  expect(printed).toEqual([]);
});

test('what changes nothing is done, however the operation before it ended', async () => {
  expect(await hks({ begins: null, before: 'failed' }, 'wake', 'demo')).toBeNull();
  expect(noted).toEqual(['This changes nothing: demo is active, with Kubernetes v1.35.2.']);
  expect(printed.join()).toMatch(/demo +starter +active/);
});

test('a retry that finds nothing to begin again says that it looks again', async () => {
  expect(await hks({ begins: null }, 'retry', 'demo')).toBeNull();
  expect(noted).toEqual(['It is looked at again: demo is active, with Kubernetes v1.35.2.']);
});

test('what was overtaken by something else says so', async () => {
  const after = { sleep: { wanted: true } };
  expect(await hks({ begins: succeeds, overtaken: 'when done', after }, 'sleep', 'demo')).toBeNull();
  expect(noted.at(-1)).toBe('Something else was asked for meanwhile: demo is changed.');
});

test.each([
  ['sleep', {}, 'it was woken again'],
  ['wake', { sleep: { wanted: true } }, 'it was sent to sleep again'],
  ['update', { deletionRequestedAt: '2026-11-23T08:00:00Z' }, 'its deletion was asked for'],
])('%s of which the contrary was asked for meanwhile fails and names that', async (verb, after, contrary) => {
  expect(await hks({ begins: succeeds, overtaken: 'when done', after }, verb, 'demo')).toBe(
    `The ${verb} of demo was overtaken: meanwhile ${contrary}.`,
  );
  expect(printed).toEqual([]);
});

test('what is begun is followed by what the answer names, whatever others begin then', async () => {
  expect(await hks({ begins: succeeds, overtaken: 'at once' }, 'wake', 'demo')).toBeNull();
  expect(followed).toEqual(['new', 'new']);
});

test('a plan that is refused by the wake is told with it, and one that a sleeping workspace is to have too', async () => {
  const message = 'The plan starter is too small for what runs: 3 of 2 CPU';
  const conditions = [{ type: 'PlanFits', status: 'False', message }];
  expect(await hks({ begins: succeeds, after: { plan: 'pro', conditions } }, 'wake', 'demo')).toBeNull();
  expect(noted).toEqual([`${message}.`]);
  noted = [];
  // What is said of an earlier one is not said of this one.
  const asleep = { plan: 'pro', sleep: { wanted: true }, conditions };
  expect(await hks({ begins: succeeds, after: asleep }, 'update', 'demo', '--plan', 'pro')).toBeNull();
  expect(noted).toEqual(['demo sleeps: the plan pro comes when it wakes, if what runs fits.']);
});

test('a server that is started anew meanwhile is waited for', async () => {
  expect(await hks({ begins: succeeds, away: 2 }, 'wake', 'demo')).toBeNull();
  expect(noted).toEqual(['The server does not answer; it is asked again for a while.']);
  expect(printed.join()).toMatch(/demo +starter +changed/);
});
