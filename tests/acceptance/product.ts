import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkout, run, type Outcome, type RunOptions } from './programs.ts';

/** A data folder and a settings file of their own: one installation of the product, running or not. */
export interface Installation extends AsyncDisposable {
  dataDir: string;
  /** Folder of the settings file and of the kubectl credentials. */
  configDir: string;
  configFile: string;
  /** What every program of this installation is started with. */
  env: NodeJS.ProcessEnv;
  /** `./hks …` as a user types it. */
  hks(args: readonly string[], options?: Partial<RunOptions>): Promise<Outcome>;
  /** `./hks up --detach` on any free ports. */
  up(...more: string[]): Promise<Outcome>;
  /** `./hks status -o json`. */
  status(): Promise<Status>;
}

/** The fields that `hks status -o json` promises. */
export interface Status {
  pid: number;
  httpUrl: string;
  httpsUrl: string;
  dataDir: string;
  ready: boolean;
}

/** An installation that runs. */
export interface Product extends Installation {
  httpUrl: string;
  httpsUrl: string;
  /** The first owner's, as `up` showed it. */
  password: string;
}

export const launcher = join(checkout, 'hks');

/** Makes the folders; nothing runs yet. Disposing stops what runs and removes the folders. */
export async function makeInstallation(more: NodeJS.ProcessEnv = {}): Promise<Installation> {
  const dataDir = await mkdtemp(join(tmpdir(), 'hks-data-'));
  const configDir = await mkdtemp(join(tmpdir(), 'hks-conf-'));
  const configFile = join(configDir, 'config.yaml');
  const env = { ...environment(dataDir, configFile), ...more };
  const hks: Installation['hks'] = (args, options) => run(launcher, args, { env, ...options });
  stopWhenTestsDie(dataDir, configDir, env);
  return {
    dataDir,
    configDir,
    configFile,
    env,
    hks,
    up: (...more) =>
      hks(['up', '--http-port', '0', '--https-port', '0', '--detach', ...more], { timeoutMs: 110_000 }),
    status: async () => JSON.parse((await hks(['status', '-o', 'json'])).stdout) as Status,
    async [Symbol.asyncDispose]() {
      await hks(['down']);
      await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
      await rm(configDir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Starts the product the way a newcomer does, or with more flags. Throws what `up` said when it did not come up. */
export async function startProduct(
  flags: readonly string[] = [],
  settings: NodeJS.ProcessEnv = {},
): Promise<Product> {
  const installation = await makeInstallation(settings);
  const { code, stdout, stderr } = await installation.up(...flags);
  if (code !== 0) {
    await installation[Symbol.asyncDispose]();
    throw new Error(`hks up ended with ${code}: ${stderr}`);
  }
  const { httpUrl, httpsUrl } = await installation.status();
  return { ...installation, httpUrl, httpsUrl, password: passwordIn(stdout) };
}

/** The first owner's password in what `up` printed. */
export function passwordIn(announcement: string): string {
  const [, password] = /Password\s+(\S+)/.exec(announcement) ?? [];
  if (password === undefined) throw new Error(`no password in: ${announcement}`);
  return password;
}

/** Somebody with an account and an organization of their own, signed in with settings of their own. */
export interface Person {
  email: string;
  password: string;
  env: NodeJS.ProcessEnv;
  hks(args: readonly string[], options?: Partial<RunOptions>): Promise<Outcome>;
}

/** Makes an account by the operator's program and signs in. */
export async function addPerson(product: Product, name: string): Promise<Person> {
  const email = `${name}@example.com`;
  const password = `the password of ${name}`;
  const create = [
    'user',
    'create',
    '--email',
    email,
    '--organization',
    `${name} company`,
    '--password-stdin',
  ];
  succeed(await run(join(checkout, 'hexabase-cli'), create, { env: product.env, input: `${password}\n` }));
  const env = { ...product.env, HKS_CONFIG: join(product.configDir, name, 'config.yaml') };
  const person: Person = {
    email,
    password,
    env,
    hks: (args, options) => run(launcher, args, { env, ...options }),
  };
  succeed(await person.hks(['login', product.httpUrl, '--email', email], { input: `${password}\n` }));
  return person;
}

/** The standard output of something that must have worked. */
export function succeed({ code, stdout, stderr }: Outcome): string {
  if (code !== 0) throw new Error(`ended with ${code}: ${stderr}${stdout}`);
  return stdout;
}

/** The standard error of something that must have been refused. */
export function refused({ code, stdout, stderr }: Outcome): string {
  if (code === 0) throw new Error(`worked although it must not: ${stdout}`);
  return stderr;
}

/** This checkout is prepared: the tests run from it. A launcher must not install packages under their feet. */
function environment(dataDir: string, configFile: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: join(configFile, '..'),
    LANG: 'C.UTF-8',
    HKS_DATA_DIR: dataDir,
    HKS_CONFIG: configFile,
    HKS_NODE: process.execPath,
    HKS_PREPARED: checkout,
  };
}

/** A detached server would outlive tests that are killed: a shell waits for their end and clears up after them. */
function stopWhenTestsDie(dataDir: string, configDir: string, env: NodeJS.ProcessEnv): void {
  const script =
    'while [ -d "$2" ]; do kill -0 "$1" 2>/dev/null || { "$4" down; rm -rf "$2" "$3"; exit; }; sleep 2; done';
  const args = ['-c', script, 'reaper', String(process.pid), dataDir, configDir, launcher];
  spawn('sh', args, { env, stdio: 'ignore', detached: true, cwd: '/' }).unref();
}
