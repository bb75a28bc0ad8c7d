import { resources } from '@hexabase/contract/index.ts';
import type { Resource } from '@hexabase/contract/resource.ts';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommanderError, type Command } from 'commander';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readCliConfig, writeCliConfig } from '@hexabase/client/config-file.ts';
import { createCli, type Cli } from './cli.ts';
import { completionScript } from './completion.ts';
import { readEnvironment } from './environment.ts';
import { createProgram } from './program.ts';

/** What the server was asked, and what it answers next. */
interface Asked {
  method: string;
  path: string;
  body: unknown;
  authorization: string;
}

let server: Server;
let asked: Asked[];
let answers: Record<string, unknown>;
let dir: string;
let cli: Cli;
let printed: string[];
let noted: string[];
/** What the next answers say of how long their lists are. */
let counted: object;

beforeAll(async () => {
  server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const path = request.url ?? '';
      asked.push({
        method: request.method ?? '',
        path,
        body,
        authorization: request.headers.authorization ?? '',
      });
      const answer = answers[`${request.method} ${path}`];
      response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify(
          answer === undefined
            ? { error: { code: 'not_found', message: 'Nothing there.' } }
            : { data: answer, meta: { requestId: 'r', ...counted } },
        ),
      );
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  dir = mkdtempSync(join(tmpdir(), 'hks-cli-'));
});
afterAll(async () => {
  await new Promise((done) => server.close(done));
  rmSync(dir, { recursive: true });
});
beforeEach(() => {
  asked = [];
  answers = {};
  printed = [];
  noted = [];
  counted = {};
  const configFile = join(dir, 'config.yaml');
  const { port } = server.address() as AddressInfo;
  const context = {
    server: `http://127.0.0.1:${port}`,
    accessToken: 'the-token',
    accessTokenExpiresAt: new Date(Date.now() + 600_000).toISOString(),
  };
  writeCliConfig(configFile, { currentContext: 'local', contexts: { local: context } });
  const environment = {
    configFile,
    context: null,
    token: null,
    server: null,
    launcher: '/opt/hks',
    parentPid: 1,
    isTerminal: false,
    browser: null,
  };
  cli = {
    ...createCli(environment, new AbortController().signal),
    print: (text) => printed.push(text),
    note: (text) => noted.push(text),
  };
});

async function readBody(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  if (!/^[[{]/.test(text)) return text === '' ? null : text;
  return JSON.parse(text);
}

/** Runs a command line; what commander would write to the terminal becomes part of the error. */
async function hks(...args: string[]): Promise<string> {
  const program = createProgram(cli);
  let complaint = '';
  for (const command of everyCommand(program)) {
    command
      .exitOverride()
      .configureOutput({ writeErr: (text) => (complaint += text), writeOut: (text) => printed.push(text) });
  }
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode !== 0) throw new Error(complaint, { cause: error });
    if (!(error instanceof CommanderError)) throw error;
  }
  return printed.join('\n');
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}

const demo = {
  id: 'w1',
  slug: 'demo',
  name: 'Demo',
  plan: 'starter',
  phase: 'active',
  createdAt: new Date(Date.now() - 3_600_000 * 5).toISOString(),
};

/** `members add` is a command below a command. */
const fullNames = (command: Command): string[] =>
  command.commands.length === 0
    ? [command.name()]
    : command.commands.map((below) => `${command.name()} ${below.name()}`);

describe('commands made from the contract', () => {
  it('there is one for every operation that names a verb, and its help says what the contract says', async () => {
    const program = createProgram(cli);
    for (const resource of Object.values<Resource>(resources)) {
      const noun = program.commands.find((command) => command.name() === resource.noun);
      const verbs = Object.values(resource.operations).flatMap((operation) =>
        operation.cli && operation.cli.verb !== 'kubeconfig' ? [operation.cli.verb] : [],
      );
      expect(noun?.commands.flatMap(fullNames).toSorted()).toEqual(verbs.toSorted());
    }
  });

  it('a list is a table, JSON or YAML of what the server answered', async () => {
    answers['GET /api/v1/workspaces'] = [demo];
    expect(await hks('workspace', 'list')).toBe(
      'NAME   SLUG   PLAN      PHASE    AGE\nDemo   demo   starter   active   5h',
    );
    printed = [];
    expect(JSON.parse(await hks('workspace', 'list', '-o', 'json'))).toEqual([demo]);
    printed = [];
    expect(await hks('workspace', 'list', '-o', 'yaml')).toContain('- id: w1\n  slug: demo\n');
    expect(asked[0]?.authorization).toBe('Bearer the-token');
  });

  it('a page of a list says that there are more, beside what is printed in any format', async () => {
    answers['GET /api/v1/workspaces'] = [demo];
    answers['GET /api/v1/workspaces?page=2'] = [demo];
    counted = { page: 1, limit: 50, total: 120 };
    expect(await hks('workspace', 'list')).not.toContain('120');
    expect(noted).toEqual(['50 of 120. More: --page 2, or up to 500 on a page with --limit.']);
    printed = [];
    expect(JSON.parse(await hks('workspace', 'list', '-o', 'json'))).toEqual([demo]);
    expect(noted).toHaveLength(2);
    counted = { page: 2, limit: 60, total: 120 };
    await hks('workspace', 'list', '--page', '2');
    expect(noted).toHaveLength(2);
  });

  it('a page says that there are more where they were not all counted, unless it came short', async () => {
    answers['GET /api/v1/workspaces?page=20&limit=1'] = [demo];
    answers['GET /api/v1/workspaces?page=21&limit=1'] = [];
    counted = { page: 20, limit: 1, total: 20, totalIsMinimum: true };
    await hks('workspace', 'list', '--page', '20', '--limit', '1');
    expect(noted).toEqual(['20 of more than 20. More: --page 21.']);
    counted = { page: 21, limit: 1, total: 20, totalIsMinimum: true };
    await hks('workspace', 'list', '--page', '21', '--limit', '1');
    expect(noted).toHaveLength(1);
  });

  it('an empty list says so, and is an empty list as JSON', async () => {
    answers['GET /api/v1/workspaces'] = [];
    expect(await hks('workspace', 'list')).toBe('Nothing here yet.');
    printed = [];
    expect(await hks('workspace', 'list', '-o', 'json')).toBe('[]');
  });

  it('filters become query parameters and fields become the body', async () => {
    answers['GET /api/v1/workspaces?phase=failed&limit=5'] = [];
    answers['PATCH /api/v1/workspaces/demo'] = demo;
    await hks('workspace', 'list', '--phase', 'failed', '--limit', '5').catch(() => undefined);
    await hks('workspace', 'update', 'demo', '--description', 'new; words', '--no-wait');
    expect(decodeURIComponent(String(asked[0]?.path))).toMatch(
      /^\/api\/v1\/workspaces\?(?=.*phase=failed)(?=.*limit=5)/,
    );
    expect(asked[1]).toMatchObject({
      method: 'PATCH',
      path: '/api/v1/workspaces/demo',
      body: { description: 'new; words' },
    });
  });

  it('a name cannot leave its place in the path', async () => {
    await hks('workspace', 'get', '../organizations?x=1').catch(() => undefined);
    expect(asked[0]?.path).toBe('/api/v1/workspaces/..%2Forganizations%3Fx%3D1');
  });

  it('the only organization needs no naming; of several one must be named', async () => {
    answers['GET /api/v1/organizations'] = [{ slug: 'ours' }];
    answers['GET /api/v1/organizations/ours/members'] = [];
    answers['GET /api/v1/organizations/theirs/members'] = [];
    expect(await hks('member', 'list')).toBe('Nothing here yet.');
    answers['GET /api/v1/organizations'] = [{ slug: 'ours' }, { slug: 'theirs' }];
    await expect(hks('member', 'list')).rejects.toThrow('Yours: ours, theirs.');
    await hks('member', 'list', '--organization', 'theirs');
    expect(asked.at(-1)?.path).toBe('/api/v1/organizations/theirs/members');
    answers['GET /api/v1/organizations'] = [];
    await expect(hks('member', 'list')).rejects.toThrow('hks organization create NAME');
  });

  it('what was chosen with `hks use` is taken without asking the server again', async () => {
    answers['GET /api/v1/organizations/theirs'] = { id: 'o2', slug: 'theirs' };
    answers['GET /api/v1/organizations/theirs/members'] = [];
    await hks('use', 'organization', 'theirs');
    asked = [];
    await hks('member', 'list');
    expect(asked.map(({ path }) => path)).toEqual(['/api/v1/organizations/theirs/members']);
    for (const kind of ['planet', 'constructor'])
      await expect(hks('use', kind, 'earth')).rejects.toThrow('hks use workspace NAME');
  });

  it('one of several contexts is used until another is, and none that nobody signed in to', async () => {
    const path = join(dir, 'config.yaml');
    const config = readCliConfig(path);
    const [local] = Object.values(config.contexts);
    if (!local) throw new Error('nobody is signed in');
    writeCliConfig(path, { ...config, contexts: { local, bob: { ...local, accessToken: 'his-token' } } });
    answers['GET /api/v1/workspaces'] = [];
    answers['GET /api/v1/workspaces/his'] = { id: 'w2', slug: 'his' };
    await hks('use', 'context', 'bob');
    await hks('use', 'workspace', 'his');
    await hks('workspace', 'list');
    expect(asked.at(-1)?.authorization).toBe('Bearer his-token');
    await hks('use', 'context', 'local');
    await hks('workspace', 'list');
    expect(asked.at(-1)?.authorization).toBe('Bearer the-token');
    expect(readCliConfig(path).contexts).toMatchObject({ bob: { workspace: 'his' } });
    expect(readCliConfig(path).contexts['local']?.workspace).toBeUndefined();
    for (const name of ['eve', 'constructor'])
      await expect(hks('use', 'context', name)).rejects.toThrow('Your contexts: local, bob.');
  });

  it('a context that HKS_CONTEXT overrules is chosen with a word about that, and nothing else is', async () => {
    const path = join(dir, 'config.yaml');
    const config = readCliConfig(path);
    const [local] = Object.values(config.contexts);
    if (!local) throw new Error('nobody is signed in');
    writeCliConfig(path, { ...config, contexts: { local, them: local } });
    cli.environment.context = 'them';
    answers['GET /api/v1/workspaces/mine'] = { id: 'w3', slug: 'mine' };
    await hks('use', 'context', 'local');
    expect(noted).toEqual([expect.stringMatching(/HKS_CONTEXT is set.*"them".*unset HKS_CONTEXT.*"local"/)]);
    await hks('use', 'context', 'them');
    await hks('use', 'workspace', 'mine');
    expect(noted).toHaveLength(1);
  });

  it.each(['constructor', '__proto__', 'toString', '../local', ' ', '-x', 'a b', 'x'.repeat(65)])(
    'nobody signs in under a name that is none: %j',
    async (name) => {
      const path = join(dir, 'config.yaml');
      const before = readFileSync(path, 'utf8');
      const { server: url = '' } = readCliConfig(path).contexts['local'] ?? {};
      const login = hks('login', url, '--email', 'bob@example.com', `--context=${name}`);
      await expect(login).rejects.toThrow('cannot be the name of a context');
      expect([asked, readFileSync(path, 'utf8')]).toEqual([[], before]);
    },
  );

  it('a context that is there goes on, whatever it was called before there was a rule', async () => {
    const path = join(dir, 'config.yaml');
    const config = readCliConfig(path);
    const [local] = Object.values(config.contexts);
    if (!local) throw new Error('nobody is signed in');
    writeCliConfig(path, { ...config, contexts: { local, 'prod/eu': local } });
    // As far as the server, which knows nobody.
    await expect(hks('login', local.server, '--device', '--context', 'prod/eu')).rejects.not.toThrow(
      'cannot be the name',
    );
    expect(asked).not.toEqual([]);
  });

  it('why somebody may do something is told by servers that say it with each role that was given', async () => {
    const grant = { role: 'viewer', scope: 'workspace', words: ['May read pods.'] };
    const explained = {
      user: { id: 'u1', email: 'bob@example.com', displayName: 'Bob' },
      organizationRole: 'viewer',
      withheld: null,
      decision: null,
      grants: [
        { ...grant, why: 'Bob is in Backend.' },
        { ...grant, why: 'Bob is in Frontend.' },
      ],
    };
    answers['GET /api/v1/workspaces/demo/access'] = explained;
    const told = [
      'Bob (bob@example.com) is viewer of the organization and has 2 roles here.',
      '- Bob is in Backend.',
      '    May read pods.',
      '- Bob is in Frontend.',
      '    What this role allows stands above.',
    ].join('\n');
    expect(await hks('access', 'explain', '--workspace', 'demo')).toBe(told);
    printed = [];
    answers['GET /api/v1/workspaces/demo/access'] = {
      ...explained,
      grants: explained.grants.map((one) => ({ ...one, words: [] })),
      roles: [{ name: 'viewer', scope: 'workspace', rules: [], words: grant.words }],
    };
    expect(await hks('access', 'explain', '--workspace', 'demo')).toBe(told);
  });

  it('nothing is destroyed without an answer', async () => {
    answers['DELETE /api/v1/organizations/ours'] = null;
    await expect(hks('organization', 'delete', 'ours')).rejects.toThrow('--yes');
    expect(asked).toEqual([]);
    await hks('organization', 'delete', 'ours', '--yes');
    expect(asked).toMatchObject([{ method: 'DELETE', path: '/api/v1/organizations/ours' }]);
  });

  it('a letter can be read, and is whole in the other formats', async () => {
    const mail = { id: 'm1', recipient: 'bob@example.com', subject: 'You are invited', state: 'kept' };
    answers['GET /api/v1/outbox/m1'] = { ...mail, text: 'Dear Bob,\n\n    hks invitation accept code\n' };
    const shown = await hks('outbox', 'get', 'm1');
    expect(shown).toMatch(/^ID .*\nm1 .*\n\nDear Bob,\n\n {4}hks invitation accept code$/);
    printed = [];
    expect(JSON.parse(await hks('outbox', 'get', 'm1', '-o', 'json'))).toMatchObject(mail);
    answers['GET /api/v1/outbox/m1'] = { ...mail, text: null };
    expect(await hks('outbox', 'get', 'm1')).not.toContain('null');
  });

  it('who accepts an invitation is told into what and as what', async () => {
    answers['POST /api/v1/invitations/accept'] = {
      organizationId: 'o1',
      organizationName: 'Acme and friends',
      organizationSlug: 'acme-and-friends',
      role: 'viewer',
    };
    const told = await hks('invitation', 'accept', 'hks_inv_code');
    expect(told).toMatch(/Acme and friends +acme-and-friends +viewer/);
    expect(told).not.toMatch(/ - /);
  });

  it('a kubeconfig is found by the name of a workspace too, when only one has that', async () => {
    const facts = { context: 'hexabase-team-7', server: 'https://x', certificateAuthorityData: null };
    answers['GET /api/v1/workspaces?limit=500'] = [{ id: 'w7', name: 'Team One', slug: 'team-7' }];
    answers['GET /api/v1/workspaces/w7/kubeconfig'] = { ...facts, workspaceId: 'w7' };
    expect(await hks('kubeconfig', 'Team One')).toContain('current-context: hexabase-team-7');
    await expect(hks('kubeconfig', 'Team Two')).rejects.toThrow('Nothing there.');
    answers['GET /api/v1/workspaces?limit=500'] = [
      { id: 'w7', name: 'Team One', slug: 'team-7' },
      { id: 'w8', name: 'Team One', slug: 'team-8' },
    ];
    await expect(hks('kubeconfig', 'Team One')).rejects.toThrow('Nothing there.');
  });

  it('a refusal of the server is thrown with its words', async () => {
    await expect(hks('workspace', 'get', 'nope')).rejects.toMatchObject({
      name: 'ClientError',
      status: 404,
      message: 'Nothing there.',
    });
  });
});

describe('an API token in HKS_TOKEN', () => {
  const token = `hks_pat_${'x'.repeat(51)}`;
  const withToken = (env: NodeJS.ProcessEnv, configFile = join(dir, 'absent.yaml')): void => {
    const environment = readEnvironment({ HKS_CONFIG: configFile, HKS_TOKEN: token, ...env });
    cli = {
      ...createCli({ ...environment, isTerminal: false }, new AbortController().signal),
      print: (text) => printed.push(text),
      note: () => undefined,
    };
  };
  const address = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  it('takes the place of a session, without any settings, and is written nowhere', async () => {
    answers['GET /api/v1/organizations'] = [];
    withToken({ HKS_SERVER: `${address()}/` });
    await hks('organization', 'list');
    expect(asked).toMatchObject([{ authorization: `Bearer ${token}` }]);
    expect(existsSync(join(dir, 'absent.yaml'))).toBe(false);
  });

  it('is used at the server of the context when none is named, instead of its session', async () => {
    answers['GET /api/v1/organizations'] = [];
    withToken({}, join(dir, 'config.yaml'));
    await hks('organization', 'list');
    expect(asked).toMatchObject([{ authorization: `Bearer ${token}` }]);
    expect(readFileSync(join(dir, 'config.yaml'), 'utf8')).not.toContain(token);
  });

  it('without a server is a sentence', async () => {
    withToken({});
    await expect(hks('organization', 'list')).rejects.toThrow('Set HKS_SERVER');
    expect(asked).toEqual([]);
  });

  it('is made, shown with its scope, and revoked by name', async () => {
    const made = { id: 't1', name: 'ci', scope: 'read', expiresAt: '2031-01-01T00:00:00Z', token };
    answers['POST /api/v1/tokens'] = made;
    const said = await hks('token', 'create', '--name', 'ci', '--scope', 'read', '--expires', '90d');
    expect(said).toContain(token);
    expect(asked).toMatchObject([{ body: { name: 'ci', scope: 'read', expires: '90d' } }]);
    answers['DELETE /api/v1/tokens/ci'] = null;
    await hks('token', 'revoke', 'ci');
    await expect(hks('token', 'create', '--name', 'ci', '--scope', 'read')).rejects.toThrow('--expires');
  });

  it('of a service account is asked for in two words', async () => {
    const path = '/api/v1/organizations/ours/service-accounts/deployer/tokens';
    answers[`POST ${path}`] = { name: 'ci', scope: 'write', expiresAt: '2031-01-01T00:00:00Z', token };
    const words = ['service-account', 'tokens', 'create', 'deployer', '--organization', 'ours'];
    await hks(...words, '--name', 'ci', '--scope', 'write', '--expires', '30d');
    expect(asked).toMatchObject([{ path, body: { scope: 'write' } }]);
  });
});

describe('where somebody is signed in', () => {
  const session = { createdAt: demo.createdAt, lastUsedAt: demo.createdAt, place: 'the internet' };
  const mine = [
    { ...session, id: 's1', device: 'hks on laptop', current: true },
    { ...session, id: 's2', device: 'Firefox on Linux', current: false },
  ];

  it('is listed, and ended elsewhere by its id', async () => {
    answers['GET /api/v1/auth/sessions'] = mine;
    answers['DELETE /api/v1/auth/sessions/s2'] = null;
    expect(await hks('session', 'list')).toMatch(/^s2 +Firefox on Linux +the internet +5h +5h +false$/m);
    expect(await hks('session', 'revoke', 's2')).toContain('session: ended');
    expect(asked.at(-1)).toMatchObject({ method: 'DELETE', authorization: 'Bearer the-token' });
  });

  it('is not ended by a slip: neither this session nor one that is not theirs', async () => {
    answers['GET /api/v1/auth/sessions'] = mine;
    await expect(hks('session', 'revoke', 's1')).rejects.toThrow(/hks logout/);
    await expect(hks('session', 'revoke', '../me')).rejects.toThrow(/no such session/);
    expect(asked.every(({ method }) => method === 'GET')).toBe(true);
  });
});

describe('a mistyped command line', () => {
  it.each([
    [['worksapce', 'list'], 'Did you mean workspace?'],
    [['workspace', 'lst'], 'Did you mean list?'],
    [['workspace', 'list', '--formt', 'json'], "unknown option '--formt'"],
    [['workspace', 'list', '-o', 'xml'], 'Allowed choices are table, json, yaml.'],
    [['workspace', 'get'], "missing required argument 'workspace'"],
    [['completion', 'tcsh'], 'Allowed choices are bash, zsh, fish.'],
  ])('%j is answered with %s', async (args, hint) => {
    await expect(hks(...args)).rejects.toThrow(hint);
    expect(asked).toEqual([]);
  });

  it('a number that is none is a sentence', async () => {
    await expect(hks('workspace', 'list', '--limit', 'many')).rejects.toThrow('“many” is not a number.');
  });
});

describe('completion', () => {
  const complete = (...words: string[]): string[] => {
    const script = `${completionScript(createProgram(cli), 'bash')}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _hks; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim().split('\n');
  };

  it('in bash offers nouns, verbs and options', () => {
    expect(complete('hks', 'work')).toEqual(['workspace']);
    expect(complete('hks', 'workspace', 'cr')).toEqual(['create']);
    expect(complete('hks', 'workspace', 'create', 'My name', '--pl')).toEqual(['--plan']);
    expect(complete('hks', 'kube')).not.toContain('kube-credential');
  });

  it('for zsh and fish names the same commands', async () => {
    expect(await hks('completion', 'zsh')).toContain('bashcompinit');
    expect(await hks('completion', 'fish')).toContain("__fish_seen_subcommand_from workspace' -f -a create");
  });
});
