import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { storeMigrations } from '@hexabase/kubernetes/store/migrations.ts';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../config.ts';
import { openOperatorDatabase } from './open-operator-database.ts';

const programs = resolve(import.meta.dirname, '..');
const last = storeMigrations.at(-1)?.name ?? '';
let dataDir: string;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'hks-operator-'));
});

afterAll(async () => {
  await rm(dataDir, { recursive: true, force: true });
});

interface Given {
  input?: string;
  env?: Record<string, string>;
}

async function run(program: string, args: readonly string[], { input = '', env: more = {} }: Given = {}) {
  const env = {
    PATH: process.env['PATH'],
    HOME: dataDir,
    HKS_DATA_DIR: dataDir,
    HKS_CONFIG: join(dataDir, 'config.yaml'),
    ...more,
  };
  const child = spawn(process.execPath, [join(programs, program), ...args], { env });
  child.stdin.end(input);
  const ended = once(child, 'exit');
  const [out, problem] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [exitCode]: unknown[] = await ended;
  return { out, problem, exitCode };
}

const operator = (args: readonly string[], input?: string) =>
  run('hexabase-cli.ts', args, input === undefined ? {} : { input });
const migrate = (args: readonly string[]) => run('hexabase-migrate.ts', args);

describe('the operator programs on a stopped installation', () => {
  it('refuse a folder that holds none, and make nothing there', async () => {
    const refused = await operator(['user', 'list']);
    expect(refused).toMatchObject({ exitCode: 1, out: '' });
    expect(refused.problem).toContain('holds no installation');
    expect((await operator(['validate'])).exitCode).toBe(1);
  });

  it('take the master key from outside, and change nothing with one of another database', async () => {
    await migrate(['up']);
    const path = join(dataDir, 'master.key');
    const key = (await readFile(path, 'utf8')).trim();
    await rename(path, `${path}.aside`);
    try {
      const list = (HKS_MASTER_KEY: string) =>
        run('hexabase-cli.ts', ['user', 'list'], { env: { HKS_MASTER_KEY } });
      const refused = await list(Buffer.alloc(32, 7).toString('base64'));
      expect(refused).toMatchObject({ exitCode: 1, out: '' });
      expect(refused.problem).toMatch(/^hexabase-cli: The master key is not the one of this database\./);
      expect((await operator(['user', 'list'])).problem).toContain('holds no installation');
      expect(await list(key)).toMatchObject({ exitCode: 0, problem: '' });
      await expect(readFile(path)).rejects.toThrow(/ENOENT/);
    } finally {
      await rename(`${path}.aside`, path);
    }
  });

  it('migrate up, down and up again, and say where the schema stands', async () => {
    expect((await migrate(['status'])).out).toContain('0001-foundation');
    expect((await migrate(['up'])).out).toContain('Nothing to do');
    expect((await migrate(['down', '1'])).problem).toContain('--yes');
    expect((await migrate(['down', '1', '--yes'])).out).toContain(last);
    expect((await migrate(['status'])).out).toMatch(new RegExp(`not applied +${last}`));
    expect((await operator(['validate'])).out).toContain('run `hexabase-migrate up`');
    expect((await migrate(['up'])).out).toBe(`Applied ${last}\n`);
  });

  it('make accounts: with a given password, or with one that is printed once', async () => {
    const given = [
      'user',
      'create',
      '--email',
      'a@example.test',
      '--organization',
      'Alpha Corp',
      '--password-stdin',
    ];
    expect(await operator(given, 'long-enough-77\n')).toMatchObject({ exitCode: 0 });
    const made = await operator(['user', 'create', '--email', 'b@example.test', '--role', 'super_admin']);
    expect(made.out).toMatch(/Password: \S{20}/);
    const listed = await operator(['user', 'list']);
    expect(listed.out).toContain('a@example.test');
    expect(listed.out).toMatch(/b@example\.test +super_admin/);
  });

  it('refuse a taken address, a weak password, an unknown account and an unknown command', async () => {
    expect((await operator(['user', 'create', '--email', 'A@example.test'])).problem).toContain(
      'already one',
    );
    const weak = ['user', 'create', '--email', 'c@example.test', '--password-stdin'];
    expect((await operator(weak, 'short\n')).problem).toContain('at least');
    expect((await operator(['user', 'disable', '--email', 'nobody@example.test'])).problem).toContain(
      'no account',
    );
    expect((await operator(['user', 'destroy'])).problem).toContain('There is no command');
  });

  it('let an operator set a password of any strength, and disable an account and take it back', async () => {
    const set = ['user', 'set-password', '--email', 'a@example.test', '--password-stdin'];
    expect((await operator(set, 'x\n')).exitCode).toBe(0);
    await operator(['user', 'disable', '--email', 'a@example.test']);
    expect((await operator(['user', 'list'])).out).toMatch(/a@example\.test +- +disabled/);
    await operator(['user', 'enable', '--email', 'a@example.test']);
    expect((await operator(['user', 'list'])).out).not.toContain('disabled');
  });

  it('act on the account that is spelled so, or has that id, of two that one mailbox has', async () => {
    const [kept, has] = ['z@b\u00fccher.example', 'z@xn--bcher-kva.example'];
    for (const email of ['z@one.test', has]) await operator(['user', 'create', '--email', email]);
    {
      await using database = await openOperatorDatabase(readConfig({ dataDir }, {}), { migrate: 'apply' });
      await database.asIdentity((tx) =>
        sql`update hexabase.users set email = ${kept} where email = 'z@one.test'`.execute(tx),
      );
    }
    const listed = async (): Promise<{ id: string; email: string; disabledAt: string | null }[]> =>
      JSON.parse((await operator(['user', 'list', '-o', 'json'])).out);
    const disabled = async () =>
      (await listed()).filter(({ disabledAt }) => disabledAt !== null).map(({ email }) => email);
    await operator(['user', 'disable', '--email', kept]);
    expect(await disabled()).toEqual([kept]);
    const id = (await listed()).find(({ email }) => email === kept)?.id ?? '';
    expect((await operator(['user', 'enable', '--email', id])).problem).toBe('');
    expect(await disabled()).toEqual([]);
  }, 60_000);

  it('tell an operator who disables the last owner that works, and of which organization', async () => {
    const make = (email: string, ...more: string[]) =>
      operator(['user', 'create', '--email', email, '--password-stdin', ...more], 'long-enough-77\n');
    expect((await make('own@example.test', '--organization', 'Owned')).exitCode).toBe(0);
    const disabled = await operator(['user', 'disable', '--email', 'own@example.test']);
    expect([disabled.exitCode, disabled.out]).toEqual([
      0,
      expect.stringContaining('Organization owned has no owner now'),
    ]);
    const enabled = await operator(['user', 'enable', '--email', 'own@example.test']);
    expect(enabled.out).not.toContain('has no owner');
  });

  it('add a host cluster, show it without its credentials, empty it and forget it', async () => {
    const kubeconfig = join(dataDir, 'host.yaml');
    const config = (user: object) => ({
      'current-context': 'c',
      clusters: [{ name: 'c', cluster: { server: 'https://192.0.2.7:6443' } }],
      users: [{ name: 'c', user }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'c' } }],
    });
    const add = [
      'host',
      'add',
      'fra-1',
      '--region',
      'eu',
      '--kubeconfig',
      kubeconfig,
      '--label',
      'tier=gold',
    ];
    await writeFile(kubeconfig, JSON.stringify(config({ exec: { command: 'x' } })));
    expect((await operator(add)).problem).toContain('runs a program to sign in');
    await writeFile(kubeconfig, JSON.stringify(config({ token: 'very-secret-token' })));
    expect(await operator(add)).toMatchObject({ exitCode: 0 });
    for (const [wrong, said] of [
      [['--dedicated', 'no'], 'true or false'],
      [['--max-workspaces', ''], 'no limit'],
      [['--max-cpu-milli', 'many'], 'no limit'],
      [['--context', 'c'], 'give --kubeconfig FILE too'],
    ] as const) {
      const refused = await operator(['host', 'update', 'fra-1', ...wrong]);
      expect(refused.problem).toContain(said);
    }
    expect((await operator(add)).problem).toContain('already a host cluster fra-1');
    expect((await operator(['host', 'list'])).out).toMatch(/fra-1 +eu +active/);
    const shown = await operator(['host', 'get', 'fra-1', '-o', 'json']);
    expect(JSON.parse(shown.out)).toMatchObject({
      labels: { tier: 'gold' },
      server: 'https://192.0.2.7:6443',
    });
    expect(shown.out).not.toContain('very-secret-token');
    expect((await operator(['host', 'drain', 'fra-1'])).out).toContain('can be removed');
    expect((await operator(['host', 'remove', 'fra-1'])).out).toContain('Forgot');
    expect((await operator(['host', 'get', 'fra-1'])).problem).toContain('no host cluster fra-1');
    expect((await operator(['host', 'explode', 'x'])).problem).toContain('There is no command');
  }, 120_000);

  it('look at the chart before the first workspace does, also while the host cluster is silent', async () => {
    const kubeconfig = join(dataDir, 'silent.yaml');
    const config = {
      'current-context': 'c',
      clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
      users: [{ name: 'c', user: { token: 'secret' } }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'c' } }],
    };
    await writeFile(kubeconfig, JSON.stringify(config));
    await operator(['host', 'add', 'silent', '--region', 'eu', '--kubeconfig', kubeconfig]);
    const env = { HKS_VCLUSTER_CHART: '/nonexistent', HKS_HELM: process.execPath };
    const { out, exitCode } = await run('hexabase-cli.ts', ['host', 'check', 'silent'], { env });
    expect(exitCode).toBe(1);
    expect(out).toMatch(
      /MISSING +ChartUsable +.*no workspace can be made: The vCluster chart \/nonexistent does not exist\. .*HKS_VCLUSTER_CHART/,
    );
    await operator(['host', 'drain', 'silent']);
    expect((await operator(['host', 'remove', 'silent'])).out).toContain('Forgot');
  }, 120_000);

  it('register a client of the provider, show its secret once, replace it and forget the client', async () => {
    const add = ['client', 'add', 'grafana', '--redirect-uri', 'https://grafana.example/callback'];
    const made = await operator(add);
    const [secret = ''] = /hkso_[\w-]{43}/.exec(made.out) ?? [];
    expect(secret).not.toBe('');
    expect((await operator(add)).exitCode).toBe(1);
    expect(
      (await operator(['client', 'add', 'x', '--redirect-uri', 'https://*.example/'])).problem,
    ).toContain('wildcard');
    const listed = await operator(['client', 'list', '-o', 'json']);
    expect(JSON.parse(listed.out)).toMatchObject([{ id: 'grafana', public: false }]);
    expect(listed.out).not.toMatch(/hkso_|secret/i);
    const renewed = await operator(['client', 'rotate-secret', 'grafana']);
    expect(renewed.out).toMatch(/hkso_/);
    expect(renewed.out).not.toContain(secret);
    expect((await operator(['client', 'remove', 'grafana'])).out).toContain('Forgot');
    expect((await operator(['client', 'rotate-secret', 'grafana'])).problem).toContain('no client grafana');
    expect((await operator(['client', 'explode', 'x'])).problem).toContain('There is no command');
  }, 120_000);

  it('say whose tokens are taken as a service account, and take that back', async () => {
    const config = readConfig({ dataDir }, {});
    const email = 'ci@acme.serviceaccounts.hexabase.local';
    {
      await using database = await openOperatorDatabase(config, { migrate: 'skip' });
      await database.asIdentity(async (tx) => {
        await sql`insert into hexabase.organizations (id, slug, name, plan) values ('o-1', 'acme', 'Acme', 'starter')`.execute(
          tx,
        );
        await sql`insert into hexabase.users (id, email, display_name, kind, organization_id)
          values ('sa-1', ${email}, 'ci', 'service-account', 'o-1')`.execute(tx);
      });
    }
    const rule = ['--issuer', 'https://ci.example', '--audience', 'hexabase', '--scope', 'read'];
    const add = ['federation', 'add', 'main', '--service-account', email, ...rule];
    expect((await operator([...add, '--condition', 'repository=*'])).exitCode).toBe(1);
    expect((await operator([...add, '--condition', 'repository=acme/shop'])).out).toContain('Added main');
    const [listed] = JSON.parse((await operator(['federation', 'list', '-o', 'json'])).out);
    expect(listed).toMatchObject({
      name: 'main',
      serviceAccount: 'ci',
      conditions: ['repository=acme/shop'],
    });
    expect((await operator(['federation', 'remove', 'main'])).problem).toContain('There is no rule');
    expect((await operator(['federation', 'remove', listed.id])).out).toContain('Removed main');
    expect((await operator(['federation', 'list', '-o', 'json'])).out.trim()).toBe('[]');
    {
      await using database = await openOperatorDatabase(config, { migrate: 'skip' });
      await database.asIdentity((tx) =>
        sql`insert into hexabase.federations
            (id, organization_id, user_id, name, issuer, audience, conditions, scope, created_by, created_at)
          select 'f-' || n, 'o-1', 'sa-1', 'f-' || n, 'https://ci.example', 'hexabase', '{repository=acme/shop}', 'read',
            'operator', now() from generate_series(1, 100) n`.execute(tx),
      );
    }
    expect((await operator([...add, '--condition', 'repository=acme/shop'])).problem).toContain(
      'There are 100 already',
    );
  }, 120_000);

  it('let an operator into an organization in everybody’s sight, and out again', async () => {
    const olga = ['--email', 'olga@example.test'];
    await operator(['user', 'create', ...olga, '--role', 'super_admin']);
    const enter = (email: string) => [
      'grant', 'break-glass', 'alpha-corp', '--email', email, '--reason', 'Pods do not start', '-o', 'json',
    ]; // prettier-ignore
    expect((await operator(enter('a@example.test'))).problem).toContain('does not allow');
    const made = JSON.parse((await operator(enter('olga@example.test'))).out);
    expect(made).toMatchObject({ operator: 'olga@example.test', level: 'read', kind: 'break-glass' });
    expect((await operator(['grant', 'show', 'alpha-corp'])).out).toMatch(/break-glass +active/);
    expect((await operator(['grant', 'end', made.id, ...olga])).out).toContain('ended');
    expect((await operator(['grant', 'show', 'alpha-corp'])).out).toMatch(/break-glass +revoked/);
    const list = ['audit', 'list', '--organization', 'alpha-corp', '--action', 'grant.*'];
    const log = await operator(list);
    expect(log.out).toMatch(/olga@example\.test .*grant\.end/);
    expect(log.out).toMatch(/olga@example\.test .*grant\.break-glass/);
    const csv = await operator(['audit', 'export', '--organization', 'alpha-corp', '--format', 'csv']);
    expect(csv.out.split('\r\n')[0]).toMatch(/^"createdAt","actorEmail"/);
    expect(csv.out).toContain('"operator.audit.list"');
    expect((await operator(['audit', 'list', '--outcome', 'perhaps'])).exitCode).toBe(1);
  }, 120_000);

  it('find an audit entry that was changed behind the product', async () => {
    expect((await operator(['audit', 'verify'])).exitCode).toBe(0);
    const config = readConfig({ dataDir }, {});
    await using database = await openOperatorDatabase(config, { migrate: 'skip' });
    const forge = `update hexabase.audit_entries set hash = 'forged' where sequence = 2 and chain = ''`;
    const { rowCount } = await database.openPool('hexabase_worker', 1).query(forge);
    expect(rowCount).toBe(0);
    await database.openPool('hexabase_owner', 1).query(forge);
    await database[Symbol.asyncDispose]();
    const verified = await operator(['audit', 'verify', '-o', 'json']);
    expect(verified.exitCode).toBe(1);
    expect(JSON.parse(verified.out)).toContainEqual(expect.objectContaining({ chain: '', broken: 2 }));
  });
});
