import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { noProxies, parseTrustedProxies } from '@hexabase/kernel/client-address.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { newId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import { accessAudit } from '@hexabase/oidc/access-audit.ts';
import { openIdentity, type Identity } from '@hexabase/oidc/identity.ts';
import { kubeAccess } from '@hexabase/oidc/kube-access.ts';
import { readEpoch, revokeUser } from '@hexabase/oidc/revocation.ts';
import type { TokenSet } from '@hexabase/oidc/sessions/issue-tokens.ts';
import { createUser, disableUser, type User } from '@hexabase/oidc/users.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createGateway, type Gateway } from './gateway.ts';

const issuer = 'https://localhost:8443/oidc';
const password = 'correct horse battery';
const organizationId = newId<'Organization'>();
const mine = newId<'Workspace'>();
const other = newId<'Workspace'>();

let test: TestDatabase;
let identity: Identity;
let gateway: Gateway;
let server: Server;
let port = 0;
let counter = 0;
/** Workspaces that were asked to wake. */
let woken: [string, string][] = [];
/** What reached a cluster, as `<workspace> <method> <url>`. */
let reached: { line: string; headers: IncomingMessage['headers'] }[] = [];

beforeAll(async () => {
  test = await testDatabase();
  const { database: db } = test;
  identity = await openIdentity({ db, masterKey: test.masterKey, issuer, clock: systemClock });
  await db.asIdentity((tx) =>
    sql`INSERT INTO hexabase.organizations (id, slug, name, plan) VALUES (${organizationId}, 'acme', 'Acme', 'enterprise')`.execute(
      tx,
    ),
  );
  await insertWorkspace(mine, 'mine', 'active');
  await insertWorkspace(other, 'other', 'active');
  const access = kubeAccess({ keys: identity.keys, issuer, clock: systemClock, db });
  gateway = await createGateway({
    access,
    driver: { upstream: async (workspaceId) => ({ kind: 'handler', ...echoCluster(workspaceId) }) },
    audit: accessAudit(db, silentLogger),
    clock: systemClock,
    log: silentLogger,
    limits: { long: { account: 3, workspace: 3, organization: 99, all: 99 } },
    trustedProxies: parseTrustedProxies('127.0.0.0/8') ?? noProxies,
    wake: async (id, { words }) => void woken.push([id, words]),
  });
  server = createServer({ shouldUpgradeCallback: gateway.upgrades }, gateway.handle);
  server.on('upgrade', (request, socket, head) => gateway.upgrade(request, socket, head));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  port = isAddressInfo(address) ? address.port : 0;
});

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  server?.closeAllConnections();
  server?.close();
  await identity?.[Symbol.asyncDispose]();
  await test?.close();
});

beforeEach(() => {
  reached = [];
  woken = [];
});

/** A cluster that says what reached it; watches stay open and upgrades echo. */
function echoCluster(workspaceId: WorkspaceId) {
  const note = (request: IncomingMessage) =>
    reached.push({ line: `${workspaceId} ${request.method} ${request.url}`, headers: request.headers });
  return {
    handle(request: IncomingMessage, response: ServerResponse) {
      note(request);
      response.writeHead(200, { 'content-type': 'application/json' });
      if (/[?&](watch|follow)=/.test(request.url ?? '')) response.write('{"type":"ADDED"}\n');
      else response.end('{}');
    },
    upgrade(request: IncomingMessage, socket: Duplex) {
      note(request);
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n');
      socket.on('data', (chunk) => socket.write(chunk));
    },
  };
}

function isAddressInfo(address: string | AddressInfo | null): address is AddressInfo {
  return address !== null && typeof address === 'object';
}

async function insertWorkspace(id: WorkspaceId, slug: string, phase: string): Promise<void> {
  await test.database.asWorker((tx) =>
    sql`INSERT INTO hexabase.workspaces (id, uid, organization_id, slug, name, plan, region, isolation, phase)
      VALUES (${id}, ${newId()}, ${organizationId}, ${slug}, ${slug}, 'starter', 'local', 'shared', ${phase})`.execute(
      tx,
    ),
  );
}

interface SignedIn {
  user: User;
  tokens: TokenSet;
  kube(workspaceId?: WorkspaceId): Promise<string>;
}

async function signedIn(): Promise<SignedIn> {
  counter += 1;
  const email = `user-${counter}@example.test`;
  const user = await test.database.asIdentity((tx) =>
    createUser(tx, { email, displayName: 'User', password }, Date.now()),
  );
  const tokens = await identity.signIn({
    email,
    password,
    device: { userAgent: null, address: '192.0.2.1', deviceId: null },
  });
  const kube = async (workspaceId = mine) => {
    const actor = await identity.authenticate(tokens.accessToken);
    const epoch = await test.database.asIdentity((tx) => readEpoch(tx, actor.userId));
    return (await identity.mintKubeToken({ actor, workspaceId, groups: ['hexabase:ws-members'], epoch }))
      .token;
  };
  return { user, tokens, kube };
}

interface Answer {
  status: number;
  body: string;
}

/** Sends the path exactly as written; header names and duplicates are kept. */
async function send(
  path: string,
  options: { token?: string; method?: string; headers?: string[] } = {},
): Promise<Answer> {
  const response = await open(path, options);
  return { status: response.statusCode ?? 0, body: await text(response) };
}

function open(
  path: string,
  options: { token?: string; method?: string; headers?: string[] } = {},
): Promise<IncomingMessage> {
  const authorization = options.token === undefined ? [] : ['Authorization', `Bearer ${options.token}`];
  return new Promise((resolve, reject) => {
    const headers = ['Host', 'localhost', ...authorization, ...(options.headers ?? [])];
    const request = httpRequest({
      host: '127.0.0.1',
      port,
      path,
      method: options.method ?? 'GET',
      headers,
      agent: false,
    });
    request.on('response', resolve);
    request.on('error', reject);
    request.end();
  });
}

/** Resolves with what an open stream said until it ended, however it ended. */
async function untilEnd(response: IncomingMessage): Promise<string> {
  let said = '';
  response.on('data', (chunk) => (said += String(chunk)));
  await new Promise<void>((resolve) => response.once('close', resolve));
  return said;
}

const pods = '/api/v1/namespaces/default/pods';

describe('the way through', () => {
  it('takes the prefix off and passes query and the user’s own token on, but no cookie and no forwarded header', async () => {
    const token = await (await signedIn()).kube();
    const answer = await send(`/k8s/workspaces/${mine}${pods}?limit=1&fieldSelector=a%2Fb`, {
      token,
      headers: [
        'Cookie',
        'session=1',
        'X-Forwarded-For',
        '10.0.0.1',
        'X-Forwarded-User',
        'root',
        'Accept',
        'application/json',
      ],
    });
    expect(answer.status).toBe(200);
    expect(reached.map(({ line }) => line)).toEqual([`${mine} GET ${pods}?limit=1&fieldSelector=a%2Fb`]);
    expect(reached[0]?.headers).toMatchObject({
      authorization: `Bearer ${token}`,
      accept: 'application/json',
    });
    expect(Object.keys(reached[0]?.headers ?? {})).not.toEqual(expect.arrayContaining(['cookie']));
    expect(JSON.stringify(reached[0]?.headers)).not.toMatch(/x-forwarded|session=1/);
  });

  it('takes a slug for the id', async () => {
    const token = await (await signedIn()).kube();
    expect(await send('/k8s/workspaces/mine/version', { token })).toMatchObject({ status: 200 });
    expect(reached.map(({ line }) => line)).toEqual([`${mine} GET /version`]);
  });

  it('answers 503 while the workspace is not active', async () => {
    const waiting = newId<'Workspace'>();
    await insertWorkspace(waiting, `waiting-${counter}`, 'provisioning');
    const token = await (await signedIn()).kube(waiting);
    expect(await send(`/k8s/workspaces/${waiting}/version`, { token })).toMatchObject({ status: 503 });
    expect(reached).toEqual([]);
  });
});

describe('who may pass', () => {
  it('answers the same to no token, garbage, a foreign token and a workspace that never was', async () => {
    const { tokens, kube } = await signedIn();
    const token = await kube();
    const bodies = new Set<string>();
    const attempts = [
      send(`/k8s/workspaces/${mine}/version`),
      send(`/k8s/workspaces/${newId()}/version`),
      send(`/k8s/workspaces/${newId()}/version`, { token }),
      send('/k8s/workspaces/no-such-slug/version', { token }),
      send(`/k8s/workspaces/${other}/version`, { token }),
      send('/k8s/workspaces/other/version', { token }),
      send(`/k8s/workspaces/${mine}/version`, { token: tokens.accessToken }),
      send(`/k8s/workspaces/${mine}/version`, { token: tokens.refreshToken }),
      ...['', 'x', `${token}x`, token.slice(0, -2), 'dev_token_admin', 'internal_x', 'ai_agent_x'].map(
        (bad) => send(`/k8s/workspaces/${mine}/version`, { token: bad }),
      ),
      send(`/k8s/workspaces/${mine}/version`, { headers: ['Authorization', `Basic ${token}`] }),
      send(`/k8s/workspaces/${mine}/version`, { headers: ['Cookie', `access_token=${token}`] }),
      send(`/k8s/workspaces/${mine}/version?access_token=${token}`),
      send(`/k8s/workspaces/${mine}/version`, { token, headers: ['authorization', `Bearer ${token}`] }),
      send(`/k8s/workspaces/${mine}/version`, {
        token,
        headers: [
          'Sec-WebSocket-Protocol',
          `base64url.bearer.authorization.k8s.io.${Buffer.from(token).toString('base64url')}`,
        ],
      }),
    ];
    for (const answer of await Promise.all(attempts)) {
      expect(answer.status).toBe(401);
      bodies.add(answer.body);
    }
    expect([...bodies]).toEqual([
      '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}\n',
    ]);
    expect(reached).toEqual([]);
  });

  it('does not take a workspace token at our own API, nor the reverse', async () => {
    const { kube } = await signedIn();
    await expect(identity.authenticate(await kube())).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('stops at once for a session that ended, an account that was disabled and a role that changed', async () => {
    const people = [await signedIn(), await signedIn(), await signedIn()] as const;
    const kubeTokens = await Promise.all(people.map((person) => person.kube()));
    for (const token of kubeTokens)
      expect(await send(`/k8s/workspaces/${mine}/version`, { token })).toMatchObject({ status: 200 });
    await identity.signOut(people[0].tokens.accessToken);
    await test.database.asIdentity((tx) => disableUser(tx, people[1].user.id, Date.now()));
    await test.database.asWorker((tx) => revokeUser(tx, people[2].user.id));
    for (const token of kubeTokens) {
      await vi.waitFor(async () =>
        expect(await send(`/k8s/workspaces/${mine}/version`, { token })).toMatchObject({ status: 401 }),
      );
    }
    const fresh = await people[2].kube();
    expect(await send(`/k8s/workspaces/${mine}/version`, { token: fresh })).toMatchObject({ status: 200 });
  });
});

describe('impersonation', () => {
  const spellings = [
    ['Impersonate-User', 'system:admin'],
    ['impersonate-group', 'system:masters'],
    ['IMPERSONATE-UID', '0'],
    ['Impersonate-Extra-scopes', 'all'],
    ['Impersonate_User', 'admin'],
    ['X-Remote-User', 'admin'],
    ['x-remote-group', 'system:masters'],
    ['X-Remote-Extra-a', 'b'],
    ['Impersonate-User', 'a', 'Impersonate-User', 'b'],
    ['Connection', 'Impersonate-User'],
    ['Connection', 'keep-alive, x-remote-user'],
    ['Connection', 'Authorization'],
  ];
  it.each(spellings)('is refused with 403 and recorded: %s %s', async (...headers) => {
    const token = await (await signedIn()).kube();
    const answer = await send(`/k8s/workspaces/${mine}${pods}/web`, { token, method: 'DELETE', headers });
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.body)).toMatchObject({ kind: 'Status', reason: 'Forbidden', code: 403 });
    expect(reached).toEqual([]);
  });
});

describe('paths', () => {
  const unsafe = [
    '/../other/api/v1/secrets',
    '/./api',
    '//api/v1/pods',
    '/api/v1//pods',
    '/api/v1/namespaces/a/../b/pods',
    '/api/v1/namespaces/%2e%2e/pods',
    '/api%2fv1/pods',
    '/api/v1/pods/%2F..%2Fsecrets',
    '/api/v1/pods;a=b',
    '/api\\v1',
    '/api/v1/%00',
    '/api/v1/%',
    '/api/v1/%252e',
    '/api/v1/..',
  ];
  it.each(unsafe)('that two parsers could read differently are refused: %s', async (path) => {
    const token = await (await signedIn()).kube();
    expect(await send(`/k8s/workspaces/${mine}${path}`, { token })).toMatchObject({ status: 400 });
    expect(reached).toEqual([]);
  });

  it('that only look like ours reach no cluster', async () => {
    const token = await (await signedIn()).kube();
    for (const path of [
      `/K8S/workspaces/${mine}/version`,
      `/k8s//workspaces/${mine}/version`,
      `/k8s/workspaces/${mine.toUpperCase()}/version`,
      '/k8s/workspaces/',
      '/k8s/workspaces',
    ]) {
      expect([400, 401, 404]).toContain((await send(path, { token })).status);
    }
    expect(await send(`/k8s/workspaces/${mine}/version`, { token, method: 'TRACE' })).toMatchObject({
      status: 405,
    });
    expect(reached).toEqual([]);
  });
});

describe('open connections', () => {
  it('of a leaver end at the revocation, and nobody else’s', { timeout: 5_000 }, async () => {
    const leaver = await signedIn();
    const stayer = await signedIn();
    const watch = `/k8s/workspaces/${mine}${pods}?watch=true`;
    const [leaving, staying] = [
      await open(watch, { token: await leaver.kube() }),
      await open(watch, { token: await stayer.kube() }),
    ];
    const ended = untilEnd(leaving);
    await test.database.asWorker((tx) => revokeUser(tx, leaver.user.id));
    expect(await ended).toBe('{"type":"ADDED"}\n');
    expect(staying.destroyed).toBe(false);
    staying.destroy();
  });

  it('end with the session that opened them: followed logs and shells too', async () => {
    const person = await signedIn();
    const token = await person.kube();
    const logs = await open(`/k8s/workspaces/${mine}${pods}/web/log?follow=true`, { token });
    const shell = await openShell(token);
    const ended = Promise.all([
      untilEnd(logs),
      new Promise((resolve) => shell.socket.once('close', resolve)),
    ]);
    await identity.signOut(person.tokens.accessToken);
    await ended;
    expect(gateway.stats().connections).toBe(0);
  });

  it('carry bytes both ways after an upgrade, and an upgrade is checked like a request', async () => {
    const token = await (await signedIn()).kube();
    const { socket, answered } = await openShell(token);
    expect(await answered).toMatch(/^HTTP\/1.1 101/);
    const echoed = new Promise((resolve) => socket.once('data', (chunk) => resolve(String(chunk))));
    socket.write('hello');
    expect(await echoed).toBe('hello');
    socket.destroy();
    const refused = await openShell(token, 'Impersonate-User: admin\r\n');
    expect(await refused.answered).toMatch(/^HTTP\/1.1 403/);
    const anonymous = await openShell('nothing');
    expect(await anonymous.answered).toMatch(/^HTTP\/1.1 401/);
  });

  it('are limited per workspace with 429', async () => {
    const token = await (await signedIn()).kube(other);
    const watch = `/k8s/workspaces/${other}${pods}?watch=1`;
    const watches = [
      await open(watch, { token }),
      await open(watch, { token }),
      await open(watch, { token }),
    ];
    const refused = await send(watch, { token });
    expect(refused).toMatchObject({ status: 429 });
    expect(JSON.parse(refused.body)).toMatchObject({ reason: 'TooManyRequests' });
    expect(await send(`/k8s/workspaces/${other}/version`, { token })).toMatchObject({ status: 200 });
    for (const response of watches) response.destroy();
  });
});

describe('the audit log', () => {
  it('has each change, reads alike together, denials, and never a token', async () => {
    const person = await signedIn();
    const token = await person.kube();
    const base = `/k8s/workspaces/${mine}`;
    for (let index = 0; index < 5; index++) await send(`${base}${pods}?limit=500`, { token });
    await send(`${base}${pods}/web`, { token, method: 'DELETE', headers: ['X-Forwarded-For', '1.2.3.4'] });
    await send(`${base}${pods}`, { token, method: 'POST', headers: ['Impersonate-User', 'root'] });
    const rows = await vi.waitFor(async () => {
      const found = await entriesOf(person.user.id);
      const seen = found.reduce((sum, row) => sum + (row.count ?? 1), 0);
      expect(seen).toBe(7);
      return found;
    }, 5_000);
    const outcomes = new Set(rows.map(({ action, outcome }) => `${action} ${outcome}`));
    expect(outcomes).toEqual(new Set(['kube:create denied', 'kube:delete allowed', 'kube:list allowed']));
    expect(rows.find((row) => row.action === 'kube:delete')?.whole).toContain(',1.2.3.4,');
    const lists = rows.filter((row) => row.action === 'kube:list');
    expect(lists.reduce((sum, row) => sum + (row.count ?? 1), 0)).toBe(5);
    expect(lists.every((row) => row.target === `workspaces/${mine}${pods}`)).toBe(true);
    expect(rows.map((row) => row.whole).join()).not.toContain(token.slice(-20));
  });
});

async function entriesOf(userId: string) {
  const { rows } = await test.database.asWorker((tx) =>
    sql<{ action: string; target: string; outcome: string; count: number | null; whole: string }>`
      SELECT action, target, outcome, (details->>'count')::int AS count, a::text AS whole FROM hexabase.audit_entries a
      WHERE actor_id = ${userId} AND action LIKE 'kube:%'`.execute(tx),
  );
  return rows;
}

async function openShell(token: string, extra = ''): Promise<{ socket: Duplex; answered: Promise<string> }> {
  const socket = connect(port, '127.0.0.1');
  const answered = new Promise<string>((resolve) => socket.once('data', (chunk) => resolve(String(chunk))));
  socket.on('error', () => undefined);
  socket.write(
    `GET /k8s/workspaces/${mine}${pods}/web/exec?command=sh HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Authorization: Bearer ${token}\r\n${extra}\r\n`,
  );
  await answered;
  return { socket, answered };
}

describe('a sleeping workspace', () => {
  const becomes = (id: WorkspaceId, phase: string) =>
    test.database.asWorker((tx) =>
      sql`UPDATE hexabase.workspaces SET phase = ${phase} WHERE id = ${id}`.execute(tx),
    );

  it('holds requests until it is awake, asks for it once, and loses none', async () => {
    const sleeper = newId<'Workspace'>();
    await insertWorkspace(sleeper, 'sleeper', 'asleep');
    const token = await (await signedIn()).kube(sleeper);
    const requests = Array.from({ length: 50 }, (_, index) =>
      send(`/k8s/workspaces/${sleeper}${pods}?n=${index}`, { token }),
    );
    await expect.poll(() => gateway.stats().held).toBe(50);
    expect(reached).toEqual([]);
    await becomes(sleeper, 'active');
    expect((await Promise.all(requests)).map(({ status }) => status)).toEqual(Array(50).fill(200));
    expect(reached).toHaveLength(50);
    expect(woken).toEqual([[sleeper, expect.stringMatching(/^\S+@\S+: list pods(,|$)/)]]);
    const uses = () =>
      test.database.asWorker((tx) =>
        sql`SELECT 1 FROM hexabase.workspace_usage WHERE workspace_id = ${sleeper}`.execute(tx),
      );
    await expect.poll(async () => (await uses()).rows.length, { timeout: 5_000 }).toBe(1);
  });

  it('lets nobody in whose session ended while they waited', async () => {
    const sleeper = newId<'Workspace'>();
    await insertWorkspace(sleeper, 'sleeper-two', 'asleep');
    const ada = await signedIn();
    const request = send(`/k8s/workspaces/${sleeper}${pods}`, { token: await ada.kube(sleeper) });
    const ended = expect(request).rejects.toThrow();
    await expect.poll(() => gateway.stats().held).toBe(1);
    await test.database.asIdentity((tx) => revokeUser(tx, ada.user.id));
    await ended;
    await expect.poll(() => gateway.stats().held).toBe(0);
    await becomes(sleeper, 'active');
    expect(reached).toEqual([]);
  });
});
