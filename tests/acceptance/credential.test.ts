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
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { addPerson, launcher, refused, startProduct, succeed, type Product } from './product.ts';
import { run, type Outcome } from './programs.ts';

let product: Product;
let workspaceId: string;
const cacheFile = (): string => join(product.configDir, 'credentials', `${workspaceId}.json`);

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
    expect(tokenOf(await credential(bare))).toBe(known);
  } finally {
    rmSync(bin, { recursive: true });
  }
});

it('keeps it where only its user can read, without anything that lives longer', () => {
  const folder = join(product.configDir, 'credentials');
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

it('a program with a token is not given the credential of who is signed in here', async () => {
  expect(statSync(cacheFile()).isFile()).toBe(true);
  const env = { ...product.env, HKS_TOKEN: `hks_pat_${'x'.repeat(51)}` };
  expect(refused(await credential(env))).toContain('Sign in first');
});

it('says a sentence to who is signed out', async () => {
  const env = { ...product.env, HKS_CONFIG: join(product.configDir, 'nobody', 'config.yaml') };
  expect(refused(await credential(env))).toMatch(/^hks: You are not signed in\./);
});
