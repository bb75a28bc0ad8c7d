import { beforeEach, expect, test } from 'vitest';
import { Command } from 'commander';
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
beforeEach(() => {
  asked = [];
  printed = [];
  noted = [];
});

const demo = { id: 'w1', slug: 'demo', name: 'Demo', plan: 'starter', runningVersion: 'v1.35.2' };

interface Server {
  /** Null: it changes nothing. */
  begins: State[] | null;
  /** How the operation before ended. */
  before?: string;
  /** Somebody asks for something else as soon as it is done. */
  overtaken?: boolean;
}

/** Runs `hks workspace …`; answers the complaint with which it ended, null for none. */
async function hks(server: Server, ...args: string[]): Promise<string | null> {
  const begun = { kind: 'workspace.upgrade', events: [], progress: null };
  let operationId = 'earlier';
  let phase = 'active';
  let left = [...(server.begins ?? [])];
  const answers: Record<string, () => unknown> = {
    'workspace.get': () => ({ ...demo, operationId, phase }),
    'workspace.sleep-ends': () => ({ ends: null }),
    'operation.get': () => {
      if (operationId === 'earlier') return { ...begun, state: server.before ?? 'succeeded', message: 'old' };
      const [now, ...rest] = left;
      if (rest.length > 0) left = rest;
      if (now?.state !== 'running') phase = 'changed';
      if (now?.state !== 'running' && server.overtaken) operationId = 'later';
      return { ...begun, ...now };
    },
  };
  const answer = async ({ id }: { id: string }): Promise<unknown> => {
    const look = answers[id];
    if (look) return { data: look(), meta: {} };
    asked.push(id);
    if (server.begins !== null) {
      operationId = 'new';
      phase = 'updating';
    }
    return { data: answers['workspace.get']?.(), meta: {} };
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
    'The upgrade of demo has not been done: The plan is too small. `hks why workspace/demo` tells more.',
  );
  expect(printed).toEqual([]);
});

test('what changes nothing is done, however the operation before it ended', async () => {
  expect(await hks({ begins: null, before: 'failed' }, 'wake', 'demo')).toBeNull();
  expect(noted).toEqual(['This changes nothing: demo is active, with Kubernetes v1.35.2.']);
  expect(printed.join()).toMatch(/demo +starter +active/);
});

test('what was overtaken by something else says so', async () => {
  expect(await hks({ begins: succeeds, overtaken: true }, 'sleep', 'demo')).toBeNull();
  expect(noted.join()).toContain('Something else was asked for meanwhile');
});
