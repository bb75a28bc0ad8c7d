import { hostAccess } from '@hexabase/cluster/host/host-access.ts';
import { openChangeFeed } from '@hexabase/features/run/change-feed.ts';
import { features } from '@hexabase/features/index.ts';
import { mailPort } from '@hexabase/features/outbox/mail-port.ts';
import { createExecute } from '@hexabase/features/run/execute.ts';
import type { Ports } from '@hexabase/features/run/ports.ts';
import { countActiveWorkspaces } from '@hexabase/features/workspaces/public.ts';
import { createHttp } from '@hexabase/http/create-http.ts';
import type { HttpDeps } from '@hexabase/http/http-deps.ts';
import { createMetrics } from '@hexabase/http/metrics.ts';
import type { OrganizationRole } from '@hexabase/kernel/actor.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { openIdentity } from '@hexabase/oidc/identity.ts';
import { bookRequests } from '@hexabase/oidc/sessions/request-bucket-store.ts';
import { createUser } from '@hexabase/oidc/users.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { Client } from 'pg';

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  data: Record<string, unknown>;
  list: Record<string, unknown>[];
  error: { code: string; message: string; details: Record<string, unknown> };
  meta: { requestId: string; page: number; limit: number; total: number };
}

export interface CallOptions {
  body?: unknown;
  headers?: Record<string, string>;
}

/** Somebody who is signed in. */
export interface Person {
  userId: string;
  email: string;
  token: string;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
}

export interface Api extends AsyncDisposable {
  baseUrl: string;
  /** Another server on the same database; answers its address. */
  replica(differences?: Partial<HttpDeps>): Promise<string>;
  db: TestDatabase;
  ports: Ports;
  person(name: string): Promise<Person>;
  /** Somebody with the platform role and no organization. */
  operator(name: string): Promise<Person>;
  /** Somebody with an organization of their own; answers its id and slug too. */
  owner(name: string, plan?: string): Promise<Person & { organizationId: string; organizationSlug: string }>;
  /** Puts a person into an organization. */
  join(organizationId: string, person: Person, role: OrganizationRole): Promise<void>;
  call(method: string, path: string, options?: CallOptions & { token?: string }): Promise<Answer>;
  /** As the database's superuser, behind row-level security. */
  query(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  /** Makes a workspace active without a reconciler. */
  activate(workspaceId: string): Promise<void>;
}

/** The whole request side over real HTTP and a real database; no reconciler runs. */
export async function startApi(
  overrides: Partial<HttpDeps> = {},
  otherPorts: Partial<Ports> = {},
): Promise<Api> {
  const resources = new AsyncDisposableStack();
  const db = resources.use(await testDatabase());
  const { database } = db;
  const issuer = 'https://localhost:8443/oidc';
  const identity = resources.use(
    await openIdentity({ db: database, masterKey: db.masterKey, issuer, clock: systemClock }),
  );
  const vault = createKeyVault(db.masterKey);
  const metrics = createMetrics(() => countActiveWorkspaces(database));
  const ports: Ports = {
    database,
    clock: systemClock,
    log: silentLogger,
    kubernetes: {
      urlOf: (id) => `https://localhost:8443/k8s/workspaces/${id}`,
      certificateAuthority: () => '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
    },
    mintKubeToken: (request) => identity.mintKubeToken(request),
    count: (_name, labels) => metrics.countWorkspaceCreated({ plan: labels['plan'] ?? '' }),
    hostAccess: hostAccess(vault),
    mayAddAnybody: true,
    defaultRegion: 'local',
    copying: async () => ({ whileAsleep: true }),
    secondFactors: identity.secondFactors,
    mail: mailPort({ vault, sends: false, readable: true, site: 'http://localhost:8080' }),
    ...otherPorts,
  };
  const changes = resources.use(await openChangeFeed(ports));
  const deps: HttpDeps = {
    execute: createExecute(features, ports),
    authenticate: (token, begun) => identity.authenticate(token, begun),
    allowedHosts: ['127.0.0.1', 'localhost'],
    clock: systemClock,
    log: silentLogger,
    metrics,
    ping: () => database.ping(),
    auth: { identity },
    changes,
    metricsAccess: { token: 'scrape-token', openOnLoopback: false },
    version: '0.1.0',
    bookRequests: (bookings) => bookRequests(database, bookings),
    ...overrides,
  };
  const listen = async (differences: Partial<HttpDeps> = {}): Promise<string> => {
    const app = await createHttp({ ...deps, ...differences });
    resources.defer(() => app.close());
    return app.listen({ port: 0, host: '127.0.0.1' });
  };
  const baseUrl = await listen();
  const admin = new Client({ ...db.admin, options: '-c search_path=hexabase' });
  await admin.connect();
  resources.defer(() => admin.end());
  const call: Api['call'] = (method, path, options = {}) => send(`${baseUrl}${path}`, method, options);

  const person = async (name: string, platformRole: 'super_admin' | null = null): Promise<Person> => {
    const email = `${name}@example.test`;
    const user = await database.asIdentity((tx) =>
      createUser(
        tx,
        { email, displayName: name, password: null, ...(platformRole && { platformRole }) },
        Date.now(),
      ),
    );
    const device = { userAgent: null, address: '127.0.0.1', deviceId: null };
    const { accessToken: token } = await identity.startSession(user.id, device);
    return {
      userId: user.id,
      email,
      token,
      call: (method, path, options) => call(method, path, { ...options, token }),
    };
  };

  return {
    baseUrl,
    replica: listen,
    db,
    ports,
    call,
    person: (name) => person(name),
    operator: (name) => person(name, 'super_admin'),
    async owner(name, plan = 'enterprise') {
      const found = await person(name);
      const { data } = await found.call('POST', '/api/v1/organizations', {
        body: { name: `${name} and friends` },
      });
      await admin.query('update organizations set plan = $2 where id = $1', [data['id'], plan]);
      return { ...found, organizationId: String(data['id']), organizationSlug: String(data['slug']) };
    },
    async join(organizationId, { userId }, role) {
      await admin.query('insert into memberships (organization_id, user_id, role) values ($1, $2, $3)', [
        organizationId,
        userId,
        role,
      ]);
    },
    query: async (text, values) => (await admin.query<Record<string, unknown>>(text, values)).rows,
    async activate(workspaceId) {
      await admin.query(
        `update workspaces set phase = 'active', observed_generation = generation where id = $1`,
        [workspaceId],
      );
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

async function send(
  url: string,
  method: string,
  { body, headers, token }: CallOptions & { token?: string },
): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
  const parsed = isJson && text !== '' ? JSON.parse(text) : {};
  return {
    status: response.status,
    headers: response.headers,
    text,
    data: parsed.data,
    list: parsed.data,
    error: parsed.error,
    meta: parsed.meta,
  };
}
