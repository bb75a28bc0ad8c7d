import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCliConfig } from '@hexabase/client/config-file.ts';
import { agreedPoolSizes } from '@hexabase/features/workspaces/reconcile/pool-store.ts';
import { makeAuthority } from '@hexabase/kernel/certificates/sign-certificates.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { storeMigrations } from '@hexabase/kubernetes/store/migrations.ts';
import { createUser } from '@hexabase/oidc/users.ts';
import { appCode } from '@hexabase/testkit/authenticator-app.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { compose, type Product } from '../compose.ts';
import { readConfig } from '../config.ts';
import { switchUser } from '../operator/users.ts';
import { ensureFirstOwner } from '../start/first-start.ts';
import { agreeOnPool } from '../start/warm-pool.ts';
import { storeLocalSession } from '../start/local-session.ts';
import { keepAuthority } from './authority.ts';
import { readMemory } from './store.ts';

vi.setConfig({ testTimeout: 60_000 });

const publicUrl = 'https://hexabase.example';
let db: TestDatabase;
let folder: string;
let pods: AsyncDisposableStack;
beforeEach(async () => {
  db = await testDatabase({ migrations: storeMigrations });
  folder = await mkdtemp(join(tmpdir(), 'hks-replicas-'));
  pods = new AsyncDisposableStack();
});
afterEach(async () => {
  await pods.disposeAsync();
  await db.close();
  await rm(folder, { recursive: true });
});

/** A server with an empty data folder, as a pod without a volume has it at each start. */
async function pod(dataDir = join(folder, `${Math.random()}`)): Promise<Product> {
  await mkdir(dataDir, { recursive: true });
  const settings = { dataDir, databaseUrl: db.adminUrl, publicUrl, passwords: 'on', logLevel: 'error' };
  return pods.use(
    await compose({
      config: readConfig(settings, {}),
      ports: { http: 1, https: 2 },
      masterKey: Buffer.from(db.masterKey),
      log: silentLogger,
    }),
  );
}

it('have one authority, whatever becomes of their data folders, and its key lies open nowhere', async () => {
  const [one, two] = await Promise.all([pod(), pod()]);
  const third = await pod();
  expect(two.certificates.caPem).toBe(one.certificates.caPem);
  expect(third.certificates.caPem).toBe(one.certificates.caPem);
  expect(third.certificates.keyPem).not.toBe(one.certificates.keyPem);
  const client = new Client(db.admin);
  await client.connect();
  const { rows } = await client.query<{ authority: string }>('select authority from hexabase.installation');
  await client.end();
  expect(rows).toEqual([{ authority: expect.stringMatching(/^v1\.[\w-]+$/) }]);
});

it('agree on the pool of one that has started: one that does not come up decides nothing', async () => {
  await agreeOnPool(db.database, { warmPool: { starter: 2 } });
  // Its pool is empty, and it does not listen yet.
  await pod();
  expect(await db.database.asWorker(agreedPoolSizes)).toEqual({ starter: 2 });
});

it('make one authority when several ask for the first one at once', async () => {
  const vault = createKeyVault(db.masterKey);
  const { keep } = keepAuthority({ database: db.database, vault, dir: folder });
  const make = () => ({ names: [], ...makeAuthority([], Date.now()) });
  // Connections are there already, so that they do meet.
  await Promise.all([1, 2, 3].map(() => db.database.asWorker((tx) => readMemory(tx))));
  const made = await Promise.all([1, 2, 3].map(() => keep((found) => found ?? make())));
  expect(new Set(made.map(({ certPem }) => certPem)).size).toBe(1);
});

it('take over the authority that an earlier version left in a data folder', async () => {
  const names = ['localhost', '127.0.0.1', '::1', 'hexabase.example'];
  const before = { names, ...makeAuthority(names, Date.now()) };
  const dataDir = join(folder, 'volume');
  await mkdir(join(dataDir, 'ca'), { recursive: true });
  await writeFile(join(dataDir, 'ca', 'authority.json'), JSON.stringify(before));
  expect((await pod(dataDir)).certificates.caPem).toBe(before.certPem);
  expect((await pod()).certificates.caPem).toBe(before.certPem);
  // It counts once: a file that comes back with an old volume does not.
  const older = { names, ...makeAuthority(names, Date.now()) };
  await writeFile(join(dataDir, 'ca', 'authority.json'), JSON.stringify(older));
  expect((await pod(dataDir)).certificates.caPem).toBe(before.certPem);
});

it('say in words that the authority in a data folder is damaged, and make no other one', async () => {
  const dataDir = join(folder, 'volume');
  await mkdir(join(dataDir, 'ca', 'authority.json'), { recursive: true });
  await expect(pod(dataDir)).rejects.toThrow(/authority\.json cannot be read\. Restore it/);
});

it('make one owner with one organization, and one of them has the password to tell, when all start at once', async () => {
  const starting = [await pod(), await pod(), await pod()];
  const owners = await Promise.all(starting.map((product) => ensureFirstOwner(product)));
  const told = owners.flatMap(({ password }) => (password === null ? [] : [password]));
  expect(told).toHaveLength(1);
  expect(new Set(owners.map(({ userId }) => userId)).size).toBe(1);
  for (const product of starting) expect(await signsIn(product, told[0] ?? '')).toBe(true);
  expect(await rowsOf('select 1 from hexabase.organizations')).toBe(1);
});

it('leave the owner’s account alone at every later start, whatever became of it', async () => {
  const first = await pod();
  const owner = await ensureFirstOwner(first);
  const password = owner.password ?? '';
  const device = { userAgent: null, address: '192.0.2.1', deviceId: null };
  const { accessToken } = await first.identity.signIn({ email: owner.email, password, device });
  const actor = await first.identity.authenticate(accessToken);
  const later = async () => expect((await ensureFirstOwner(await pod())).password).toBeNull();
  await later();
  expect(await signsIn(first, password)).toBe(true);
  const { id, secret } = await first.identity.secondFactors.addTotp(actor, 'telephone');
  const code = appCode(secret, Date.now());
  await first.identity.secondFactors.confirmTotp(actor, { id, code });
  await later();
  // The session that was there is, the password is right, and the second factor is asked for.
  expect((await first.identity.authenticate(accessToken)).userId).toBe(owner.userId);
  await expect(first.identity.signIn({ email: owner.email, password, device })).rejects.toMatchObject({
    code: 'second_factor_required',
  });
  await switchUser(first.database, owner.email, false);
  await later();
  expect(await rowsOf('select 1 from hexabase.organizations')).toBe(1);
});

it('finish what a start that was killed has left, and touch no account that was given a password by hand', async () => {
  const one = await pod();
  const user = { email: 'owner@hexabase.local', displayName: 'Owner', platformRole: 'super_admin' } as const;
  const make = (password: string | null) =>
    one.database.asIdentity((tx) => createUser(tx, { ...user, password, anyPassword: true }, Date.now()));
  await make(null);
  const { password } = await ensureFirstOwner(one);
  expect(await signsIn(one, password ?? '')).toBe(true);
  expect(await rowsOf('select 1 from hexabase.organizations')).toBe(1);
  const client = new Client(db.admin);
  await client.connect();
  await client.query('delete from hexabase.organizations');
  await client.query('delete from hexabase.users');
  await client.query('update hexabase.installation set first_owner_shown_at = null');
  await client.end();
  await make('a password of their own');
  expect((await ensureFirstOwner(one)).password).toBeNull();
  expect(await signsIn(one, 'a password of their own')).toBe(true);
});

it('start although the first owner’s account is disabled, and sign nobody in then', async () => {
  const product = await pod();
  const owner = await ensureFirstOwner(product);
  const at = { configFile: join(folder, 'config.yaml'), server: 'http://localhost:1' };
  await switchUser(product.database, owner.email, false);
  await storeLocalSession(product.identity, owner, at);
  expect(readCliConfig(at.configFile).contexts['local']).toBeUndefined();
  await switchUser(product.database, owner.email, true);
  await storeLocalSession(product.identity, owner, at);
  expect(readCliConfig(at.configFile).contexts['local']).toMatchObject({ email: owner.email });
});

it('start although the settings of the command line cannot be used, and tell why it is not signed in without what stands there', async () => {
  const product = await pod();
  const owner = await ensureFirstOwner(product);
  const own = await mkdtemp(join(folder, 'settings-'));
  const at = { configFile: join(own, 'config.yaml'), server: 'http://localhost:1' };
  await writeFile(at.configFile, 'refreshToken: [hxr_secret');
  const why = await storeLocalSession(product.identity, owner, at);
  expect(why).toContain(`${at.configFile} cannot be used`);
  expect(why).not.toContain('hxr_secret');
  const belowFile = { ...at, configFile: join(at.configFile, 'config.yaml') };
  expect(await storeLocalSession(product.identity, owner, belowFile)).toContain(at.configFile);
});

async function signsIn({ identity }: Product, password: string): Promise<boolean> {
  const device = { userAgent: null, address: '192.0.2.1', deviceId: null };
  return identity.signIn({ email: 'owner@hexabase.local', password, device }).then(
    () => true,
    () => false,
  );
}

async function rowsOf(query: string): Promise<number> {
  const client = new Client(db.admin);
  await client.connect();
  const { rows } = await client.query(query);
  await client.end();
  return rows.length;
}
