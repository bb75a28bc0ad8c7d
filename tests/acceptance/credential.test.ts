import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { addPerson, launcher, refused, startProduct, succeed, type Product } from './product.ts';
import { run, type Outcome } from './programs.ts';

let product: Product;
let workspaceId: string;
const cacheFile = (): string =>
  join(product.configDir, 'credentials/of-sessions/config.yaml/local', `${workspaceId}.json`);

beforeAll(async () => {
  product = await startProduct();
  const made = JSON.parse(
    succeed(await product.hks(['workspace', 'create', 'credentials', '-o', 'json'])),
  ) as { id: string };
  workspaceId = made.id;
});
afterAll(() => product[Symbol.asyncDispose]());
beforeEach(async () => {
  succeed(await credential());
});

/** One call by a process of its own, as each kubectl is. */
function credential(env = product.env): Promise<Outcome> {
  return run('/bin/sh', ['-c', '"$0" kube-credential --workspace "$1"; exit $?', launcher, workspaceId], {
    env,
  });
}

/** The signed-in session, as it will be when its access token and the cached credential have run out. */
function expireEverything(): void {
  const config = parse(readFileSync(product.configFile, 'utf8')) as {
    contexts: { local: Record<string, string> };
  };
  config.contexts.local['accessTokenExpiresAt'] = new Date(0).toISOString();
  writeFileSync(product.configFile, stringify(config), { mode: 0o600 });
  writeFileSync(cacheFile(), readFileSync(cacheFile(), 'utf8').replace(/^\d+/, '0'));
}

function tokenOf(outcome: Outcome): string {
  const { kind, status } = JSON.parse(succeed(outcome)) as { kind: string; status: { token: string } };
  expect(kind).toBe('ExecCredential');
  return status.token;
}

it('prints a cached credential where there is no Node at all', async () => {
  const bin = mkdtempSync(join(tmpdir(), 'hks-bin-'));
  try {
    for (const tool of ['date', 'sh'])
      symlinkSync(
        succeed(await run('/bin/sh', ['-c', `command -v ${tool}`], { env: product.env })).trim(),
        join(bin, tool),
      );
    const bare = { HKS_CONFIG: product.configFile, PATH: bin, HOME: '/nowhere' };
    const known = tokenOf(await credential());
    expect(tokenOf(await credential({ ...bare, HKS_CONTEXT: 'local' }))).toBe(known);
    // As kubeconfigs of earlier versions ask: the current context is the first that the settings say.
    expect(tokenOf(await credential(bare))).toBe(known);
    for (const HKS_CONTEXT of ['../local', 'local/', '.', 'bob', 'LOCAL'])
      expect((await credential({ ...bare, HKS_CONTEXT })).code).not.toBe(0);
  } finally {
    rmSync(bin, { recursive: true });
  }
});

it('keeps it where only its user can read, without anything that lives longer', () => {
  const folder = dirname(cacheFile());
  for (const path of [folder, cacheFile(), ...readdirSync(folder).map((name) => join(folder, name))]) {
    expect([path, statSync(path).mode & 0o077]).toEqual([path, 0]);
  }
  const session = parse(readFileSync(product.configFile, 'utf8')) as {
    contexts: { local: { refreshToken: string; accessToken: string } };
  };
  expect(readFileSync(cacheFile(), 'utf8')).not.toContain(session.contexts.local.refreshToken);
  expect(readFileSync(cacheFile(), 'utf8')).not.toContain(session.contexts.local.accessToken);
});

it('a process that asks again, because it was refused, gets another one', async () => {
  const [first, second] = succeed(
    await run(
      '/bin/sh',
      [
        '-c',
        '"$0" kube-credential --workspace "$1"; "$0" kube-credential --workspace "$1"; :',
        launcher,
        workspaceId,
      ],
      { env: product.env },
    ),
  )
    .trim()
    .split('\n');
  expect(second).toContain('ExecCredential');
  expect(second).not.toBe(first);
});

it('a thousand calls at once after everything has run out are one refresh and one minting', async () => {
  expireEverything();
  const before = readFileSync(product.configFile, 'utf8');
  const tokens = new Set<string>();
  let left = 1_000;
  const caller = async (): Promise<void> => {
    while ((left -= 1) >= 0) tokens.add(tokenOf(await credential()));
  };
  await Promise.all(Array.from({ length: 16 }, caller));
  expect(tokens.size).toBe(1);
  expect(readFileSync(product.configFile, 'utf8')).not.toBe(before);
  // A refresh token that was presented twice would have ended the session.
  expireEverything();
  succeed(await product.hks(['workspace', 'list']));
  expect(readFileSync(join(product.dataDir, 'server.log'), 'utf8')).not.toContain('refresh_reused');
}, 240_000);

it('who signs in as somebody else is not given the former person’s credential', async () => {
  const other = await addPerson(product, 'other');
  const shared = join(product.configDir, 'shared');
  mkdirSync(shared);
  const env = { ...product.env, HKS_CONFIG: join(shared, 'config.yaml') };
  const login = async (email: string, password: string): Promise<string> =>
    succeed(
      await run(launcher, ['login', product.httpUrl, '--email', email], { env, input: `${password}\n` }),
    );
  await login('owner@hexabase.local', product.password);
  succeed(await credential(env));
  await login(other.email, other.password);
  expect(refused(await credential(env))).toContain('no longer have access');
});

/** The call that kubectl makes with a kubeconfig, from a process of its own each time, and who it is for. */
async function actsAs(kubeconfig: string, dropped?: string): Promise<string> {
  const { users } = parse(kubeconfig) as {
    users: [{ user: { exec: { command: string; args: string[]; env: { name: string; value: string }[] } } }];
  };
  const { command, args, env } = users[0].user.exec;
  const own = Object.fromEntries(
    env.filter(({ name }) => name !== dropped).map((one) => [one.name, one.value]),
  );
  const outcome = await run('/bin/sh', ['-c', '"$0" "$@"; exit $?', command, ...args], {
    env: { ...product.env, ...own },
  });
  if (outcome.code !== 0) return outcome.stderr;
  const claims = Buffer.from(tokenOf(outcome).split('.')[1] ?? '', 'base64url').toString('utf8');
  return String((JSON.parse(claims) as { email: string }).email);
}

it('a kubeconfig acts as the person of its context, whoever else is signed in beside, before and after', async () => {
  const owner = { email: 'owner@hexabase.local', password: product.password };
  const bob = await addPerson(product, 'bob');
  succeed(
    await product.hks(['member', 'add', bob.email, '--organization', 'my-organization', '--role', 'viewer']),
  );
  const folder = join(product.configDir, 'both');
  mkdirSync(folder);
  const at = (file: string, HKS_CONTEXT = '') => ({
    ...product.env,
    HKS_CONFIG: join(folder, file),
    HKS_CONTEXT,
  });
  const login = async (person: typeof owner, context: string, file = 'config.yaml'): Promise<void> => {
    const words = ['login', product.httpUrl, '--email', person.email, '--context', context];
    succeed(await run(launcher, words, { env: at(file), input: `${person.password}\n` }));
  };
  const kubeconfig = async (context: string, file = 'config.yaml'): Promise<string> =>
    succeed(await run(launcher, ['kubeconfig', 'credentials'], { env: at(file, context) }));
  await login(owner, 'boss');
  await login(bob, 'bob');
  await login(bob, 'boss', 'other.yaml');
  const [boss, his, beside] = [
    await kubeconfig('boss'),
    await kubeconfig('bob'),
    await kubeconfig('boss', 'other.yaml'),
  ];
  for (let round = 0; round < 2; round++) {
    expect(await actsAs(boss)).toBe(owner.email);
    expect(await actsAs(his)).toBe(bob.email);
    expect(await actsAs(beside)).toBe(bob.email);
    // Of a version that named no context: it is the current one's, which is the one that signed in last.
    expect(await actsAs(boss, 'HKS_CONTEXT')).toBe(bob.email);
  }

  // Somebody else in the same context, and nobody: what was cached is given to neither.
  await login(bob, 'boss');
  expect(await actsAs(boss)).toBe(bob.email);
  succeed(await run(launcher, ['logout'], { env: at('config.yaml', 'boss') }));
  expect(await actsAs(boss)).toContain('not signed in as "boss"');
  expect(await actsAs(his)).toBe(bob.email);
  expect(readdirSync(join(folder, 'credentials/of-sessions/config.yaml/boss')).join()).not.toContain('json');
  rmSync(join(folder, 'other.yaml'));
  expect(await actsAs(beside)).toContain('not signed in');
});

it('a program with a token is not given the credential of who is signed in here', async () => {
  expect(statSync(cacheFile()).isFile()).toBe(true);
  const env = { ...product.env, HKS_TOKEN: `hks_pat_${'x'.repeat(51)}` };
  expect(refused(await credential(env))).toContain('Sign in first');
});

it('says a sentence to who is signed out', async () => {
  const env = { ...product.env, HKS_CONFIG: join(product.configDir, 'nobody', 'config.yaml') };
  expect(refused(await credential(env))).toMatch(/^hks: You are not signed in\./);
});
