import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCliConfig } from '@hexabase/client/config-file.ts';
import { makeAuthority } from '@hexabase/kernel/certificates/sign-certificates.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { storeMigrations } from '@hexabase/kubernetes/store/migrations.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { compose, type Product } from '../compose.ts';
import { readConfig } from '../config.ts';
import { switchUser } from '../operator/users.ts';
import { ensureFirstOwner } from '../start/first-start.ts';
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

it('give the first owner one password: it is told once, and no later start sets another', async () => {
  const one = await pod();
  const owner = await ensureFirstOwner(one);
  const killed = await owner.password();
  const two = await pod();
  expect(await (await ensureFirstOwner(two)).password()).toEqual(expect.any(String));
  // The other one has set it since: what this one would print does not open anything, and it told nobody.
  expect(await owner.password()).toBeNull();
  expect(await signsIn(one, killed ?? '')).toBe(false);
  await owner.shown();
  const again = await ensureFirstOwner(two);
  const password = (await again.password()) ?? '';
  expect(password).not.toBe('');
  await again.shown();
  for (const later of [await pod(), await pod()]) {
    expect(await (await ensureFirstOwner(later)).password()).toBeNull();
    expect(await signsIn(later, password)).toBe(true);
  }
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

async function signsIn({ identity }: Product, password: string): Promise<boolean> {
  const device = { userAgent: null, address: '192.0.2.1', deviceId: null };
  return identity.signIn({ email: 'owner@hexabase.local', password, device }).then(
    () => true,
    () => false,
  );
}
