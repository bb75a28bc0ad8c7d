import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { readCliConfig, writeCliConfig } from '@hexabase/client/config-file.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createCli, type Cli } from '../cli.ts';
import { readEnvironment } from '../environment.ts';
import { createProgram } from '../program.ts';

let server: Server;
/** By `GET /path`; what is not here is not there. */
let answers: Record<string, unknown>;
/** Bodies of what was asked to be made. */
let wanted: unknown[];
let printed: string[];
let path: string;
let cli: Cli;

const id = '0190a000-0000-7000-8000-0000000000b1';
const demo = { id, slug: 'demo', name: 'Demo', plan: 'starter', phase: 'active' };

beforeEach(async () => {
  [answers, wanted, printed] = [{}, [], []];
  server = createServer((request, response) => {
    void (request.method === 'POST' ? json(request) : Promise.resolve(null)).then((body) => {
      if (body !== null) wanted.push(body);
      const data = answers[`${request.method} ${request.url}`];
      response.writeHead(data === undefined ? 404 : 200, { 'content-type': 'application/json' });
      const refusal = { error: { code: 'not_found', message: 'Nothing there.' } };
      response.end(JSON.stringify(data === undefined ? refusal : { data, meta: { requestId: 'r' } }));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  path = join(mkdtempSync(join(tmpdir(), 'hks-use-')), 'config.yaml');
  signIn(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const environment = { ...readEnvironment({ HKS_CONFIG: path }), isTerminal: false };
  cli = {
    ...createCli(environment, new AbortController().signal),
    print: (text) => void printed.push(text),
    note: () => undefined,
  };
});
afterEach(async () => {
  await new Promise((done) => server.close(done));
  rmSync(join(path, '..'), { recursive: true });
});

function signIn(at: string): void {
  const accessTokenExpiresAt = new Date(Date.now() + 600_000).toISOString();
  const local = { server: at, accessToken: 'the-token', accessTokenExpiresAt };
  writeCliConfig(path, { currentContext: 'local', contexts: { local } });
}

async function hks(...args: string[]): Promise<string | undefined> {
  await createProgram(cli).parseAsync(args, { from: 'user' });
  return printed.at(-1);
}

test('what is not there, or is about something else, is not chosen; an id is kept as the slug', async () => {
  answers['GET /api/v1/organizations/'] = [{ id: 'o1', slug: 'ours' }];
  answers[`GET /api/v1/workspaces/${id.toUpperCase()}`] = demo;
  const before = readFileSync(path, 'utf8');
  for (const name of ['ourss', '', '.'])
    await expect(hks('use', 'organization', name)).rejects.toThrow(
      `There is no organization "${name}", or you may not know of it. \`hks organization list\` shows yours.`,
    );
  await expect(hks('use', 'workspace', 'demoo')).rejects.toThrow('There is no workspace "demoo"');
  expect([printed, readFileSync(path, 'utf8')]).toEqual([[], before]);
  expect(await hks('use', 'workspace', id.toUpperCase())).toBe('Using workspace demo.');
  expect(readCliConfig(path).contexts['local']?.workspace).toBe('demo');
});

test('nothing is chosen of a server that cannot be asked', async () => {
  signIn('http://127.0.0.1:1');
  await expect(hks('use', 'organization', 'ours')).rejects.toMatchObject({
    status: 0,
    message: expect.stringContaining('Cannot reach http://127.0.0.1:1'),
  });
  expect(readCliConfig(path).contexts['local']?.organization).toBeUndefined();
});

test('a workspace is made in the organization that is named, else in the chosen one, else in the only one', async () => {
  answers['POST /api/v1/workspaces'] = demo;
  answers['GET /api/v1/organizations'] = [{ slug: 'ours' }];
  answers['GET /api/v1/organizations/theirs'] = { id: 'o2', slug: 'theirs' };
  const madeIn = async (...options: string[]) => {
    await hks('workspace', 'create', 'Demo', '--no-wait', ...options);
    return wanted.at(-1);
  };
  expect(await madeIn()).toEqual({ name: 'Demo', organization: 'ours' });
  answers['GET /api/v1/organizations'] = [{ slug: 'ours' }, { slug: 'theirs' }];
  await expect(madeIn()).rejects.toThrow('--organization NAME');
  await hks('use', 'organization', 'theirs');
  expect(await madeIn()).toEqual({ name: 'Demo', organization: 'theirs' });
  expect(await madeIn('--organization', 'ours')).toEqual({ name: 'Demo', organization: 'ours' });
  expect(await madeIn('--organization', '', '--plan', '', '--region', '')).toEqual({
    name: 'Demo',
    organization: '',
    plan: '',
    region: '',
  });
});
