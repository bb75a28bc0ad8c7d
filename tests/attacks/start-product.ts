import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@hexabase/kernel/id.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { silentLogger, type Logger } from '@hexabase/kernel/log.ts';
import { storeMigrations } from '@hexabase/kubernetes/store/migrations.ts';
import { createUser } from '@hexabase/oidc/users.ts';
import { openMailText } from '@hexabase/postgres/mail-queue.ts';
import { compose, type Product } from '@hexabase/server/compose.ts';
import { readHostSettings } from '../../apps/server/src/hosts/host-settings.ts';
import type { ServerConfig } from '../../apps/server/src/config.ts';
import { choosePorts } from '@hexabase/server/lifecycle/ports.ts';
import { openListeners } from '@hexabase/server/listeners.ts';
import { until } from '@hexabase/testkit/given.ts';
import { testDatabase } from '@hexabase/testkit/test-database.ts';
import { Client } from 'pg';
import { exchange, open, type Answer, type Json, type Sent, type Server } from './exchange.ts';

/** Somebody who is signed in, or was. */
export interface Person {
  userId: string;
  email: string;
  access: string;
  refresh: string;
  /** At the API. */
  call(method: string, path: string, body?: unknown, headers?: string[]): Promise<Answer>;
}

/** Somebody with an organization and one active workspace of their own. */
export interface Tenant extends Person {
  organizationId: string;
  organizationSlug: string;
  workspaceId: string;
  workspaceSlug: string;
  /** For the workspace. */
  kubeToken: string;
  /** As the owner, at the gateway. */
  kube(method: string, path: string, body?: unknown): Promise<Answer>;
}

export interface Attacked extends AsyncDisposable {
  product: Product;
  api: Server;
  gateway: Server;
  /** One request to the API's port. */
  send(sent: Sent): Promise<Answer>;
  person(name: string): Promise<Person>;
  /** A new session of somebody who has an account. */
  signIn(person: Pick<Person, 'userId' | 'email'>): Promise<Person>;
  tenant(name: string, plan?: string): Promise<Tenant>;
  activeWorkspace(owner: Person, name: string): Promise<{ id: string; slug: string }>;
  kubeToken(person: Person, workspaceId: string): Promise<string>;
  /** At a workspace, through the gateway. */
  kube(workspace: string, sent: Sent): Promise<Answer>;
  openKube(workspace: string, sent: Sent): ReturnType<typeof open>;
  /** As the database's superuser, behind row-level security. */
  query(text: string, values?: unknown[]): Promise<Json[]>;
  /** The newest letter to somebody, as they read it. */
  letterTo(email: string): Promise<string>;
  /** One text of everything that a refused request could have changed. */
  fingerprint(): Promise<string>;
}

/** The whole product as `hks up` composes it, over real HTTP and TLS, on a database of its own. */
export async function startProduct(
  log: Logger = silentLogger,
  settings: Partial<ServerConfig> = {},
): Promise<Attacked> {
  await using starting = new AsyncDisposableStack();
  const dataDir = await mkdtemp(join(tmpdir(), 'hks-attacks-'));
  starting.defer(() => rm(dataDir, { recursive: true, force: true }));
  const database = starting.use(await testDatabase({ migrations: storeMigrations }));
  const ports = await choosePorts(dataDir, { http: 0, https: 0 }, '127.0.0.1');
  const config = {
    dataDir,
    configFile: join(dataDir, 'config.yaml'),
    listen: 'localhost',
    databaseUrl: database.adminUrl,
    logLevel: 'error',
    deletionGraceMinutes: 0,
    warmPool: {},
    passwords: 'on',
    // How tests fill organizations; the tests of just that set it.
    addMembers: 'anybody',
    mailFrom: 'Hexabase AI <noreply@localhost>',
    hosts: readHostSettings({}, {}, {}),
    ...settings,
  } as const;
  const product = starting.use(
    await compose({ config, ports, masterKey: Buffer.from(database.masterKey), log }),
  );
  starting.use(await openListeners(product, ports, 'localhost'));
  const admin = new Client({ ...database.admin, options: '-c search_path=hexabase' });
  await admin.connect();
  starting.defer(() => admin.end());
  const { urls, certificates } = product;
  const certificateAuthority = certificates.caPem;
  const attacked = attackable({
    product,
    api: { url: urls.http, certificateAuthority },
    gateway: { url: urls.https, certificateAuthority },
    query: async (statement, values) => (await admin.query<Json>(statement, values)).rows,
    async letterTo(email) {
      const { rows } = await admin.query<{ id: string; sealed: string }>(
        'select id, text_sealed as sealed from mails where recipient = $1 order by created_at desc, id desc',
        [email],
      );
      return rows[0] ? openMailText(createKeyVault(database.masterKey), rows[0]) : '';
    },
  });
  const resources = starting.move();
  return { ...attacked, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

type Started = Pick<Attacked, 'product' | 'api' | 'gateway' | 'query' | 'letterTo'>;

function attackable(started: Started): Omit<Attacked, typeof Symbol.asyncDispose> {
  const { product, api, gateway, query } = started;
  const send = (sent: Sent) => exchange(api, sent);
  const signIn: Attacked['signIn'] = async ({ userId, email }) => {
    const device = { userAgent: null, address: '127.0.0.1', deviceId: null };
    const tokens = await product.identity.startSession(JSON.parse(JSON.stringify(userId)), device);
    const call: Person['call'] = (method, path, body, headers) =>
      send({ method, path, token: tokens.accessToken, body, ...(headers && { headers }) });
    return { userId, email, access: tokens.accessToken, refresh: tokens.refreshToken, call };
  };
  const person = async (name: string) => {
    const email = `${name}@example.test`;
    const user = await product.database.asIdentity((tx) =>
      createUser(tx, { email, displayName: name, password: null }, product.clock.now()),
    );
    return signIn({ userId: user.id, email });
  };
  const gatewayPath = (workspace: string, path: string) => `/k8s/workspaces/${workspace}${path}`;
  const kube: Attacked['kube'] = (workspace, sent) =>
    exchange(gateway, { ...sent, path: gatewayPath(workspace, sent.path), headers: patchType(sent) });
  const kubeToken: Attacked['kubeToken'] = async (who, workspaceId) => {
    const answer = await who.call('POST', `/api/v1/workspaces/${workspaceId}/kube-token`);
    if (answer.status !== 201) throw new Error(answer.text);
    return String(answer.json['data'].token);
  };
  const activeWorkspace: Attacked['activeWorkspace'] = async (owner, name) => {
    const made = await owner.call('POST', '/api/v1/workspaces', { name });
    if (made.status !== 201) throw new Error(made.text);
    const { id, slug } = made.json['data'];
    await until(
      async () => (await owner.call('GET', `/api/v1/workspaces/${id}`)).json['data'].phase === 'active',
    );
    return { id, slug };
  };
  return {
    ...started,
    send,
    signIn,
    person,
    kube,
    kubeToken,
    activeWorkspace,
    openKube: (workspace, sent) => open(gateway, { ...sent, path: gatewayPath(workspace, sent.path) }),
    fingerprint: () => fingerprint(query),
    async tenant(name, plan = 'enterprise') {
      const owner = await person(name);
      const made = (await owner.call('POST', '/api/v1/organizations', { name: `${name} and friends` })).json[
        'data'
      ];
      await query('update organizations set plan = $2 where id = $1', [made.id, plan]);
      const { id, slug } = await activeWorkspace(owner, `${name} workspace`);
      const token = await kubeToken(owner, id);
      return {
        ...owner,
        organizationId: made.id,
        organizationSlug: made.slug,
        workspaceId: id,
        workspaceSlug: slug,
        kubeToken: token,
        kube: (method, path, body) => kube(id, { method, path, token, body }),
      };
    },
  };
}

function patchType({ method, headers = [] }: Sent): string[] {
  return method === 'PATCH' && !headers.includes('Content-Type')
    ? ['Content-Type', 'application/merge-patch+json', ...headers]
    : headers;
}

async function fingerprint(query: Attacked['query']): Promise<string> {
  const tables = [
    'workspaces',
    'projects',
    'organizations',
    'organization_epochs',
    'memberships',
    'groups',
    'group_members',
    'operations',
  ];
  const parts = tables.map(
    (table) =>
      `(select md5(string_agg(${rowOf(table)}, '|' order by ${rowOf(table)})) from ${table} t) as ${table}`,
  );
  const users = `(select md5(string_agg(row(id, email, platform_role, epoch, disabled_at)::text, '|' order by id)) from users) as users`;
  return JSON.stringify(await query(`select ${[...parts, users].join(', ')}`));
}

/** A row as text; of a workspace without what is told of its cluster while nobody asks for anything. */
function rowOf(table: string): string {
  return table === 'workspaces' ? `(to_jsonb(t) - 'access_conditions' - 'access_fence')::text` : 't::text';
}

/** A name that no other test uses. */
export const fresh = (word: string): string => `${word}-${newId().slice(-12)}`;
