import { chainAuditEntries } from '@hexabase/features/audit/chain.ts';
import { headsToKeep } from '@hexabase/features/audit/keep-heads.ts';
import { pruneAudit } from '@hexabase/features/audit/prune.ts';
import { auditSigner } from '@hexabase/features/audit/signer.ts';
import { verifyChain } from '@hexabase/features/audit/verify.ts';
import { createUser } from '@hexabase/oidc/users.ts';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type Api, type Person } from './start-api.ts';

const password = 'correct horse 77 staple';
const agent = { 'user-agent': 'audit-test/1.0' };
let api: Api;

beforeAll(async () => {
  api = await startApi({ rateLimit: { burst: 5_000, perSecond: 1_000 } });
});
afterAll(() => api[Symbol.asyncDispose]());

async function withPassword(name: string): Promise<{ userId: string; email: string }> {
  const email = `${name}@example.test`;
  const { database } = api.db;
  const user = await database.asIdentity((tx) =>
    createUser(tx, { email, displayName: name, password }, Date.now()),
  );
  return { userId: user.id, email };
}

async function login(email: string, word = password) {
  const body = { email, password: word };
  const answer = await api.call('POST', '/auth/login', { body, headers: agent });
  const tokens = answer.text.startsWith('{') ? JSON.parse(answer.text) : {};
  return { ...answer, access: String(tokens.access_token), refresh: String(tokens.refresh_token) };
}

const own = async (token: string, query = ''): Promise<Record<string, unknown>[]> =>
  (await api.call('GET', `/api/v1/audit?sort=createdAt${query}`, { token })).list;

const short = (entries: readonly Record<string, unknown>[]) =>
  entries.map((entry) => [entry['action'], entry['outcome']]);

describe('what somebody does to sign in', () => {
  it('is in their own log with address, program and request', async () => {
    const { email, userId } = await withPassword('ada');
    const wrong = await login(email, 'not the password at all');
    expect(wrong.status).toBe(401);
    const first = await login(email);
    const second = await login(email);
    const refreshed = await api.call('POST', '/auth/refresh', { body: { refresh_token: first.refresh } });
    expect(refreshed.status).toBe(200);
    const reused = await api.call('POST', '/auth/refresh', { body: { refresh_token: first.refresh } });
    expect(reused.status).toBe(401);
    const third = await login(email);
    const sessions = (await api.call('GET', '/api/v1/auth/sessions', { token: third.access })).list;
    const other = sessions.find((session) => session['current'] === false);
    await api.call('DELETE', `/api/v1/auth/sessions/${other?.['id']}`, { token: third.access });
    expect((await api.call('GET', '/auth/me', { token: second.access })).status).toBe(401);
    expect((await api.call('POST', '/auth/logout', { token: third.access, body: {} })).status).toBe(204);
    const last = await login(email);
    const log = await own(last.access);
    expect(short(log)).toEqual([
      ['auth.sign-in', 'denied'],
      ['auth.sign-in', 'allowed'],
      ['auth.sign-in', 'allowed'],
      ['auth.refresh-reuse', 'denied'],
      ['auth.sign-in', 'allowed'],
      ['auth.session-end', 'allowed'],
      ['auth.sign-out', 'allowed'],
      ['auth.sign-in', 'allowed'],
    ]);
    expect(log[0]).toMatchObject({
      actorEmail: email,
      personId: userId,
      organizationId: null,
      address: '127.0.0.1',
      agent: 'audit-test/1.0',
      requestId: wrong.headers.get('x-request-id'),
      details: { way: 'password' },
    });
    expect(log.every((entry) => entry['address'] === '127.0.0.1' && entry['requestId'] !== '')).toBe(true);
  });

  it('keeps nothing of what was typed where nobody has an account', async () => {
    const typed = `my-secret-${crypto.randomUUID().slice(0, 8)}@example.test`;
    expect((await login(typed)).status).toBe(401);
    const [row] = await api.query(`select json_agg(a)::text as log, count(*) filter (
      where action = 'auth.sign-in' and chain = '' and outcome = 'denied')::int as refused from audit_entries a`);
    expect(row?.['refused']).toBe(1);
    expect(row?.['log']).not.toContain(typed);
  });

  it('is seen by the admins of organizations they accepted, from joining on, until they leave, and by nobody else', async () => {
    const owner = await api.owner('ben');
    const stranger = await api.owner('cleo');
    const { email, userId } = await withPassword('dan');
    const { access: token } = await login(email);
    const invitations = `/api/v1/organizations/${owner.organizationId}/invitations`;
    const invited = await owner.call('POST', invitations, { body: { email, role: 'developer' } });
    const body = { invitation: invited.data['id'] };
    expect((await api.call('POST', '/api/v1/invitations/accept', { token, body })).status).toBe(200);
    const inside = await login(email);
    await api.query('delete from memberships where user_id = $1', [userId]);
    await login(email);
    const seenBy = async (person: Person & { organizationId: string }) =>
      (await person.call('GET', `/api/v1/organizations/${person.organizationId}/audit?actor=${email}`)).list;
    const [only, ...more] = (await seenBy(owner)).filter(({ action }) => String(action).startsWith('auth.'));
    expect(more).toEqual([]);
    expect(only).toMatchObject({ action: 'auth.sign-in', actorEmail: email, address: '127.0.0.1' });
    expect(await seenBy(stranger)).toEqual([]);
    expect(short(await own(inside.access))).toHaveLength(3);
  });

  it('is not seen by an owner who only added the account, also not after raising it to owner', async () => {
    const owner = await api.owner('olaf');
    const { email, userId } = await withPassword('unwilling');
    const members = `/api/v1/organizations/${owner.organizationId}/members`;
    expect((await owner.call('POST', members, { body: { email, role: 'viewer' } })).status).toBe(201);
    await login(email, 'not the password at all');
    await login(email);
    const raised = await owner.call('PATCH', `${members}/${userId}`, { body: { role: 'owner' } });
    expect(raised.status, raised.text).toBe(200);
    const { access } = await login(email);
    const log = `/api/v1/organizations/${owner.organizationId}/audit`;
    const seen = (await owner.call('GET', `${log}?sort=createdAt`)).list;
    expect(seen.map(({ action }) => action)).toEqual(['organization.create', 'member.add', 'member.update']);
    const exported = await owner.call('GET', `${log}/export?format=jsonl&actor=${email}`);
    expect(exported.text).toBe('');
    expect(short(await own(access)).filter(([action]) => action === 'auth.sign-in')).toHaveLength(3);
  });

  it('has API tokens: made, first used, revoked; and a token does not read the log of its owner', async () => {
    const { email } = await withPassword('eve');
    const { access: token } = await login(email);
    const body = { name: 'ci', scope: 'read', expires: '1d' };
    const made = await api.call('POST', '/api/v1/tokens', { token, body });
    const secret = String(made.data['token']);
    for (let use = 0; use < 3; use += 1) await api.call('GET', '/api/v1/plans', { token: secret });
    expect((await api.call('GET', '/api/v1/audit', { token: secret })).status).toBe(403);
    await api.call('DELETE', `/api/v1/tokens/${made.data['id']}`, { token });
    const log = await own(token);
    expect(short(log).filter(([action]) => action !== 'auth.sign-in')).toEqual([
      ['token.create', 'allowed'],
      ['auth.token-first-use', 'allowed'],
      ['audit.mine', 'denied'],
      ['token.revoke', 'allowed'],
    ]);
    expect(JSON.stringify(log)).not.toContain(secret.slice(-20));
  });
});

describe('the log', () => {
  it('only grows, for every role that the product runs as', async () => {
    const { database } = api.db;
    const owner = await api.owner('fay');
    while ((await chainAuditEntries(database)) > 0);
    const scope = JSON.parse(
      JSON.stringify({ userId: owner.userId, organizationIds: [owner.organizationId] }),
    );
    const doors = [
      ['api', (text: string) => database.asTenant(scope, (tx) => sql.raw(text).execute(tx))],
      ['worker', (text: string) => database.asWorker((tx) => sql.raw(text).execute(tx))],
      ['identity', (text: string) => database.asIdentity((tx) => sql.raw(text).execute(tx))],
    ] as const;
    const before = await api.query('select md5(json_agg(a order by id)::text) as all from audit_entries a');
    for (const [role, run] of doors) {
      for (const text of [
        `update audit_entries set outcome = 'allowed'`,
        `update audit_entries set seen_by = '{}'`,
        'delete from audit_entries',
        'truncate audit_entries',
        'drop table audit_entries',
        'alter table audit_entries disable row level security',
      ])
        await expect(run(text), `${role}: ${text}`).rejects.toThrow(/permission denied|must be owner/);
    }
    // The chainer may give a place once, and never another.
    const again = `update audit_entries set hash = 'forged', sequence = sequence + 1000`;
    expect((await database.asWorker((tx) => sql.raw(again).execute(tx))).numAffectedRows).toBe(0n);
    const young = `select hexabase.prune_audit('${owner.organizationId}') as removed`;
    const forged = `insert into audit_checkpoints values ('${owner.organizationId}', 1000, 'x', now(), 'x')`;
    await database.asWorker((tx) => sql.raw(forged).execute(tx));
    const [pruned] = (
      await database.asWorker((tx) => sql<{ removed: string }>`${sql.raw(young)}`.execute(tx))
    ).rows;
    expect(pruned?.removed).toBe('0');
    const after = await api.query('select md5(json_agg(a order by id)::text) as all from audit_entries a');
    expect(after).toEqual(before);
  });

  it('shows a change, a removal, and an end that was cut off', async () => {
    const { database, masterKey } = api.db;
    const signer = auditSigner(masterKey);
    const owner = await api.owner('gil');
    const chain = owner.organizationId;
    for (const name of ['one', 'two', 'three'])
      await owner.call('POST', `/api/v1/organizations/${chain}/groups`, { body: { name } });
    while ((await chainAuditEntries(database)) > 0);
    const { heads, cut } = await headsToKeep(database, { signer, before: [], nowMs: Date.now() });
    expect(cut).toEqual([]);
    const kept = heads.filter((head) => head.chain === chain);
    const verify = () => verifyChain(database, chain, { signer, kept });
    expect(await verify()).toMatchObject({ entries: 4, broken: null, problem: null });
    const as = (text: string) => api.query(text, [chain]);
    await as(`update audit_entries set details = details || '{"x":1}' where chain = $1 and sequence = 3`);
    expect((await verify()).broken).toBe(3);
    await as(`update audit_entries set details = details - 'x' where chain = $1 and sequence = 3`);
    expect((await verify()).problem).toBeNull();
    // Whoever can change everything in the database cuts the end off and mends the head.
    await as('delete from audit_entries where chain = $1 and sequence = 4');
    await as(`update audit_heads h set sequence = 3, hash = e.hash from audit_entries e
      where h.organization_id = $1 and e.chain = $1 and e.sequence = 3`);
    expect(await verifyChain(database, chain, { signer, kept: [] })).toMatchObject({ problem: null });
    expect(await verify()).toMatchObject({ broken: 4, problem: expect.stringContaining('end is missing') });
    const next = await headsToKeep(database, { signer, before: heads, nowMs: Date.now() });
    expect(next.cut).toEqual([chain]);
    expect(next.heads.find((head) => head.chain === chain)?.sequence).toBe(4);
    const others = [{ ...kept[0], sequence: 2 }] as typeof kept;
    expect((await verifyChain(database, chain, { signer, kept: others })).problem).toContain(
      'not signed by us',
    );
  });

  it('is kept as long as the plan says, and what is left can still be verified', async () => {
    const { database, masterKey } = api.db;
    const signer = auditSigner(masterKey);
    const owner = await api.owner('hal', 'starter');
    const chain = owner.organizationId;
    for (const name of ['one', 'two', 'three'])
      await owner.call('POST', `/api/v1/organizations/${chain}/groups`, { body: { name } });
    // The first three were written 40 days ago, before they got their places.
    await api.query(
      `update audit_entries set created_at = created_at - interval '40 days'
       where chain = $1 and id in (select id from audit_entries where chain = $1 order by id limit 3)`,
      [chain],
    );
    while ((await chainAuditEntries(database)) > 0);
    expect(await pruneAudit(database, { signer, nowMs: Date.now() })).toBe(3);
    expect(await pruneAudit(database, { signer, nowMs: Date.now() })).toBe(0);
    while ((await chainAuditEntries(database)) > 0);
    expect(await verifyChain(database, chain, { signer, kept: [] })).toMatchObject({
      entries: 2,
      prunedUpTo: 3,
      problem: null,
    });
    const log = await owner.call('GET', `/api/v1/organizations/${chain}/audit?sort=createdAt`);
    expect(log.list.map((entry) => [entry['action'], entry['sequence']])).toEqual([
      ['group.create', 4],
      ['audit.prune', 5],
    ]);
    await api.query(`update audit_checkpoints set sequence = 4 where chain = $1`, [chain]);
    expect((await verifyChain(database, chain, { signer, kept: [] })).problem).toContain('not signed by us');
  });
});

describe('who reads it', () => {
  it('finds by actor, action, target, outcome, workspace and time, page by page, and never another organization', async () => {
    const owner = await api.owner('ivy');
    const other = await api.owner('jon');
    const path = `/api/v1/organizations/${owner.organizationId}/audit`;
    const made = await owner.call('POST', '/api/v1/workspaces', { body: { name: 'Ivy one' } });
    const { id, slug } = made.data as { id: string; slug: string };
    await api.activate(id);
    const viewer = await api.person('ivys-viewer');
    await api.join(owner.organizationId, viewer, 'viewer');
    const project = await owner.call('POST', `/api/v1/workspaces/${id}/projects`, {
      body: { name: 'my-app' },
    });
    expect((await viewer.call('DELETE', `/api/v1/workspaces/${slug}`)).status).toBe(403);
    await other.call('POST', '/api/v1/workspaces', { body: { name: 'Jon one' } });
    const found = async (query: string, reader: Person = owner) => {
      const answer = await reader.call('GET', `${path}?sort=createdAt&${query}`);
      expect(answer.status, answer.text).toBe(200);
      return [answer.list.map((entry) => entry['action']), answer.meta.total];
    };
    expect(await found(`actor=${viewer.email}`)).toEqual([['workspace.delete'], 1]);
    expect(await found(`actor=${viewer.userId}&outcome=allowed`)).toEqual([[], 0]);
    expect(await found('action=workspace.*')).toEqual([['workspace.create', 'workspace.delete'], 2]);
    expect(await found('outcome=denied')).toEqual([['workspace.delete'], 1]);
    const inside = [['workspace.create', 'project.create', 'workspace.delete'], 3];
    expect(await found(`workspace=${slug}`)).toEqual(inside);
    expect(await found(`workspace=${id}`)).toEqual(inside);
    expect(await found(`target=project/${project.data['id']}`)).toEqual([['project.create'], 1]);
    expect(await found('from=2100-01-01T00:00:00Z')).toEqual([[], 0]);
    expect(await found('to=2100-01-01T00:00:00Z&limit=2&page=2')).toEqual([
      ['project.create', 'workspace.delete'],
      4,
    ]);
    expect((await owner.call('GET', `${path}?from=yesterday`)).status).toBe(400);
    for (const reader of [viewer, other])
      expect((await reader.call('GET', path)).status).toBe(reader === viewer ? 403 : 404);
    const mine = await viewer.call('GET', '/api/v1/audit');
    expect(mine.list.every((entry) => entry['personId'] === viewer.userId)).toBe(true);
  });

  it('is not kept waiting until a long log is counted: it learns that there are more', async () => {
    const owner = await api.owner('len');
    await api.query(
      `insert into audit_entries (id, organization_id, action, target, outcome, request_id, details, created_at)
       select 'long-' || n, $1, 'kube:get', 'pods', case when n % 2 = 0 then 'allowed' else 'denied' end, 'r', '{}',
         '2030-01-01'::timestamptz + n * interval '1 second' from generate_series(1, 10001) n`,
      [owner.organizationId],
    );
    const metaOf = async (query: string) =>
      (
        await owner.call(
          'GET',
          `/api/v1/organizations/${owner.organizationId}/audit?action=kube:get&${query}`,
        )
      ).meta;
    expect(await metaOf('')).toMatchObject({ total: 10_000, totalIsMinimum: true });
    const counted = await metaOf('outcome=denied');
    expect([counted['total'], 'totalIsMinimum' in counted]).toEqual([5_001, false]);
    const last = await owner.call(
      'GET',
      `/api/v1/organizations/${owner.organizationId}/audit?action=kube:get&limit=500&page=21`,
    );
    expect(last.list.map(({ id }) => id)).toEqual(['long-1']);
  });

  it('takes it away whole as lines of JSON or as CSV whose cells run nothing, and that is in the log too', async () => {
    const owner = await api.owner('kim');
    const { organizationId } = owner;
    const path = `/api/v1/organizations/${organizationId}/audit/export`;
    await api.query(
      `insert into audit_entries (id, organization_id, actor_email, action, target, outcome, details, agent)
       select 'x' || lpad(n::text, 6, '0'), $1, '=cmd|x', 'test.bulk', E'\\t@SUM(1)', 'allowed', '{"n":"a,\\"b"}', '-2+3'
       from generate_series(1, 2500) n`,
      [organizationId],
    );
    const json = await owner.call('GET', `${path}?format=jsonl&action=test.bulk`);
    expect(json.headers.get('content-type')).toContain('application/x-ndjson');
    const lines = json.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toHaveLength(2500);
    expect(new Set(lines.map((line) => line.id)).size).toBe(2500);
    const csv = await owner.call('GET', `${path}?format=csv`);
    expect(csv.headers.get('content-disposition')).toMatch(/attachment; filename="audit-.*\.csv"/);
    const rows = csv.text.trimEnd().split('\r\n');
    expect(rows.length).toBeGreaterThan(2501);
    for (const row of rows) {
      for (const cell of row.slice(1, -1).split('","')) expect(cell).not.toMatch(/^[=+\-@\t\r]/);
    }
    expect(rows.find((row) => row.includes('test.bulk'))).toContain(`"'=cmd|x"`);
    expect(csv.text).toContain('"{""n"":""a,\\""b""}"');
    const log = await owner.call(
      'GET',
      `/api/v1/organizations/${organizationId}/audit?action=audit.export&sort=createdAt`,
    );
    expect(log.list.map((entry) => entry['details'])).toEqual([
      { format: 'jsonl', action: 'test.bulk' },
      { format: 'csv' },
    ]);
  });

  it('loses the stream when their rights change while it runs', async () => {
    const owner = await api.owner('lea');
    const admin = await api.person('leas-admin');
    await api.join(owner.organizationId, admin, 'admin');
    await api.query(
      `insert into audit_entries (id, organization_id, action, target, outcome, details)
       select 'y' || lpad(n::text, 6, '0'), $1, 'test.bulk', 'x', 'allowed', jsonb_build_object('pad', repeat('x', 4000))
       from generate_series(1, 20000) n`,
      [owner.organizationId],
    );
    const response = await fetch(`${api.baseUrl}/api/v1/organizations/${owner.organizationId}/audit/export`, {
      headers: { authorization: `Bearer ${admin.token}` },
    });
    const reader = response.body?.getReader();
    await reader?.read();
    const gone = await owner.call(
      'DELETE',
      `/api/v1/organizations/${owner.organizationId}/members/${admin.userId}`,
    );
    expect(gone.status).toBe(200);
    const rest = (async () => {
      while (reader && !(await reader.read()).done);
    })();
    await expect(rest).rejects.toThrow();
  });
});
