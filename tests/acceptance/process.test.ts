import { spawn } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import {
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
import { afterAll, afterEach, beforeEach, beforeAll, describe, expect, it } from 'vitest';
import {
  launcher,
  makeInstallation,
  passwordIn,
  refused,
  startProduct,
  succeed,
  type Installation,
  type Product,
} from './product.ts';
import { kubectls, run } from './programs.ts';

/** Command lines of everything that works on a data folder, the shell that clears up after killed tests aside. */
async function processesOf({ dataDir, env }: Installation): Promise<string[]> {
  const { stdout } = await run('ps', ['-A', '-o', 'args='], { env });
  return stdout.split('\n').filter((line) => line.includes(dataDir) && !line.includes('reaper'));
}

describe('an installation that runs', () => {
  let product: Product;
  beforeAll(async () => {
    product = await startProduct();
  });
  afterAll(() => product[Symbol.asyncDispose]());

  it('refuses a second start on its folder and names the pid of the first', async () => {
    const { pid } = await product.status();
    const second = await product.up();
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`pid ${pid}`);
    expect((await product.status()).pid).toBe(pid);
  });

  it('keeps what is secret to its user', () => {
    const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);
    expect(mode(product.configFile)).toBe('600');
    expect(mode(join(product.dataDir, 'master.key'))).toBe('600');
    const open = readdirSync(product.dataDir, { recursive: true, encoding: 'utf8' })
      .filter(
        (name) =>
          /key|secret|session|run\.json|ports|\.log$/.test(name) &&
          !name.startsWith('pgsql') &&
          !name.startsWith('postgres'),
      )
      .filter(
        (name) =>
          statSync(join(product.dataDir, name)).isFile() &&
          (statSync(join(product.dataDir, name)).mode & 0o077) !== 0,
      );
    expect(open).toEqual([]);
  });

  it('wrote the password nowhere', () => {
    const texts = readdirSync(product.dataDir)
      .filter((name) => statSync(join(product.dataDir, name)).isFile())
      .map((name) => readFileSync(join(product.dataDir, name), 'utf8'));
    expect(texts.filter((text) => text.includes(product.password))).toEqual([]);
    expect(readFileSync(product.configFile, 'utf8')).not.toContain(product.password);
  });

  it('loses nothing when it is killed, and comes back at the same addresses', async () => {
    succeed(await product.hks(['workspace', 'create', 'survivor']));
    const kubeconfig = join(product.configDir, 'survivor.yaml');
    writeFileSync(kubeconfig, succeed(await product.hks(['kubeconfig', 'survivor'])));
    const [kubectl] = Object.values(kubectls());
    const ask = async (...args: string[]): Promise<string> =>
      kubectl === undefined
        ? ''
        : succeed(await run(kubectl, args, { env: { ...product.env, KUBECONFIG: kubeconfig } }));
    await ask('create', 'configmap', 'kept', '--from-literal=a=b');
    const before = await product.status();

    process.kill(before.pid, 'SIGKILL');
    await expect.poll(async () => (await product.hks(['status'])).code, { timeout: 20_000 }).toBe(3);
    const again = succeed(await product.up());
    expect(() => passwordIn(again)).toThrow('no password');

    const after = await product.status();
    expect([after.httpUrl, after.httpsUrl, after.ready]).toEqual([before.httpUrl, before.httpsUrl, true]);
    expect(after.pid).not.toBe(before.pid);
    expect(succeed(await product.hks(['workspace', 'list']))).toMatch(/survivor +starter +active/);
    if (kubectl !== undefined)
      expect(await ask('get', 'configmap', 'kept', '-o', 'jsonpath={.data.a}')).toBe('b');
    expect(succeed(await product.hks(['workspace', 'delete', 'survivor', '--yes']))).toContain('0 left');
  });

  it('is reached from any folder and through a symbolic link', async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'hks link '));
    try {
      symlinkSync(launcher, join(elsewhere, 'direct'));
      symlinkSync('direct', join(elsewhere, 'relative link'));
      const options = { env: { ...product.env, HKS_PREPARED: '' }, cwd: elsewhere };
      const status = succeed(await run('./relative link', ['status', '-o', 'json'], options));
      expect(JSON.parse(status)).toMatchObject({ ready: true });
      const version = succeed(await run('sh', ['-c', 'PATH="$PWD:$PATH"; direct --version'], options));
      expect(version).toMatch(/^\d+\.\d+\.\d+\n$/);
    } finally {
      rmSync(elsewhere, { recursive: true });
    }
  });

  it('is told apart from one that does not run by exit codes', async () => {
    expect((await product.hks(['status'])).code).toBe(0);
    expect(await product.hks(['down'])).toMatchObject({ code: 0, stdout: 'Stopped.\n' });
    const status = await product.hks(['status', '-o', 'json']);
    expect([status.code, JSON.parse(status.stdout)]).toEqual([
      3,
      { pid: null, httpUrl: null, httpsUrl: null, dataDir: product.dataDir, ready: false },
    ]);
    expect(await product.hks(['down'])).toMatchObject({
      code: 0,
      stdout: `Nothing runs on ${product.dataDir}.\n`,
    });
    expect(await processesOf(product)).toEqual([]);
    const unreachable = await product.hks(['workspace', 'list']);
    expect(unreachable.code).not.toBe(0);
    expect(unreachable.stderr).toMatch(/^hks: Cannot reach http:\/\/localhost:\d+ .*hks up/);
  });
});

describe('a start', () => {
  let installation: Installation;
  beforeEach(async () => {
    installation = await makeInstallation();
  });
  afterEach(() => installation[Symbol.asyncDispose]());

  it('in the foreground stops cleanly at Ctrl-C and leaves no process behind', async () => {
    const child = spawn(launcher, ['up', '--http-port', '0', '--https-port', '0'], {
      env: installation.env,
      cwd: '/',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    let logged = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (logged += chunk.toString()));
    const ended = new Promise<[number | null, string | null]>((done) =>
      child.once('close', (code, signal) => done([code, signal])),
    );
    await expect.poll(() => said, { timeout: 100_000 }).toContain('Next:');
    const password = passwordIn(said);
    expect(await processesOf(installation)).not.toEqual([]);
    child.kill('SIGINT');
    expect(await ended).toEqual([0, null]);
    expect(logged).not.toContain(password);
    expect(await processesOf(installation)).toEqual([]);
    expect((await installation.hks(['status'])).code).toBe(3);
  });

  it('on a port that another program has says which flag to use, and leaves nothing behind', async () => {
    const other = createServer();
    await new Promise<void>((done) => other.listen(0, 'localhost', done));
    const { port } = other.address() as AddressInfo;
    const said = refused(
      await installation.hks(['up', '--http-port', String(port), '--https-port', '0', '--detach'], {
        timeoutMs: 100_000,
      }),
    );
    expect(said).toBe(
      `hks: Port ${port} is in use by another program. Choose another with --http-port N (0 takes any free one).\n`,
    );
    await new Promise((done) => other.close(done));
    expect(await processesOf(installation)).toEqual([]);
    succeed(await installation.up());
  });

  it('on a data folder that cannot be written says so', async () => {
    const file = join(installation.configDir, 'a-file');
    writeFileSync(file, '');
    const said = refused(await installation.up('--data-dir', join(file, 'below')));
    expect(said).toMatch(/^hks: The data folder .*a-file\/below cannot be written .*--data-dir/);
  });

  it.each([
    [['--http-port', 'many'], 'httpPort'],
    [['--public-url', 'http://example.com'], 'publicUrl'],
    [['--discovery-url', 'https://example.com/oidc'], 'discoveryUrl'],
    [['--nonsense'], '--nonsense'],
    [['--listen', '203.0.113.1'], '--listen'],
  ])('with %j names what is wrong and shows no stack', async (args, named) => {
    const said = refused(await installation.up(...args));
    expect(said).toContain(named);
    expect(said).not.toMatch(/^\s+at /m);
  });

  // Too small for the programs of the database, and too small for the database that they make.
  it.for(['2m', '80m'])('on a full disk (%s) says so', async (size, context) => {
    const mounted = await run('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', installation.dataDir], {
      env: installation.env,
    });
    if (mounted.code !== 0) return context.skip('only a user who may mount can have a small disk');
    try {
      const said = refused(await installation.up());
      expect(said).toContain('The disk that holds the data folder is full.');
      expect(said).not.toMatch(/^\s+at /m);
    } finally {
      succeed(await run('umount', [installation.dataDir], { env: installation.env }));
    }
  });

  it('whose disk fills later keeps running, and works again once there is room', async (context) => {
    const { dataDir, env } = installation;
    const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=260m', 'tmpfs', dataDir], { env });
    if (mounted.code !== 0) return context.skip('only a user who may mount can have a small disk');
    try {
      succeed(await installation.up());
      succeed(await installation.hks(['organization', 'update', 'my-organization', '--plan', 'enterprise']));
      const { pid } = await installation.status();
      const filler = join(dataDir, 'filler');
      await run('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1M'], { env });
      for (const name of ['one', 'two', 'three']) {
        const { stderr } = await installation.hks(['workspace', 'create', `while full ${name}`, '--no-wait']);
        expect(stderr).toMatch(/^$|disk is full/);
      }
      expect((await installation.status()).pid).toBe(pid);
      rmSync(filler);
      succeed(await installation.hks(['workspace', 'create', 'with room again']));
      expect((await installation.status()).pid).toBe(pid);
    } finally {
      await installation.hks(['down']);
      succeed(await run('umount', [dataDir], { env }));
    }
  });
});
