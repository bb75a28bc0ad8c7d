import { chainAuditEntries } from '@hexabase/features/audit/chain.ts';
import { auditSigner } from '@hexabase/features/audit/signer.ts';
import { verifyChain } from '@hexabase/features/audit/verify.ts';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bearer, flood } from './flood.ts';
import { startApi, type Api } from './start-api.ts';

let api: Api;
beforeAll(async () => {
  api = await startApi({ rateLimit: { burst: 500, perSecond: 1 } });
});
afterAll(() => api[Symbol.asyncDispose]());

describe('a plan’s limit', () => {
  it('lets exactly one of 100 parallel creates through at limit − 1, and says how to change the plan', async () => {
    const ann = await api.owner('ann', 'pro');
    for (let n = 1; n <= 4; n++) {
      expect((await ann.call('POST', '/api/v1/workspaces', { body: { name: `Before ${n}` } })).status).toBe(
        201,
      );
    }
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        ann.call('POST', '/api/v1/workspaces', { body: { name: `Race ${n}` } }),
      ),
    );
    expect(answers.filter((answer) => answer.status === 201)).toHaveLength(1);
    const refused = answers.filter((answer) => answer.status !== 201);
    expect(new Set(refused.map((answer) => answer.error.code))).toEqual(new Set(['plan_limit_reached']));
    expect(refused[0]?.error.details).toEqual({
      limit: 5,
      used: 5,
      howTo: `hks organization update ${ann.organizationSlug} --plan enterprise`,
    });
    expect((await ann.call('GET', '/api/v1/workspaces')).meta.total).toBe(5);
  });

  it('goes away by changing the plan, and a plan below what is used is refused', async () => {
    const ben = await api.owner('ben', 'starter');
    const create = (name: string, plan?: string) =>
      ben.call('POST', '/api/v1/workspaces', { body: { name, plan } });
    const update = (plan: string) =>
      ben.call('PATCH', `/api/v1/organizations/${ben.organizationSlug}`, { body: { plan } });
    expect((await create('One', 'pro')).error.code).toBe('plan_limit_reached');
    expect((await create('One')).status).toBe(201);
    expect((await create('Two')).error.details).toMatchObject({ limit: 1, used: 1 });
    expect((await update('pro')).data['plan']).toBe('pro');
    expect((await create('Two')).data['plan']).toBe('pro');
    expect((await update('starter')).error.code).toBe('plan_limit_reached');
    expect((await update('nope')).error.code).toBe('validation_failed');
  });
});

describe('an Idempotency-Key', () => {
  it('gives the first answer again, also to duplicates that come at once', async () => {
    const cat = await api.owner('cat');
    const send = () =>
      cat.call('POST', '/api/v1/workspaces', {
        body: { name: 'Once only' },
        headers: { 'idempotency-key': 'abc' },
      });
    const answers = await Promise.all(Array.from({ length: 8 }, send));
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([201]));
    expect(new Set(answers.map((answer) => answer.data['id'])).size).toBe(1);
    expect(answers.filter((answer) => answer.headers.get('idempotency-replayed') === 'true')).toHaveLength(7);
    expect((await cat.call('GET', '/api/v1/workspaces')).meta.total).toBe(1);
  });

  it('is refused with another body, is the caller’s own, and is free again after a failure', async () => {
    const dan = await api.owner('dan');
    const eva = await api.owner('eva');
    const headers = { 'idempotency-key': 'shared-key' };
    const first = await dan.call('POST', '/api/v1/workspaces', { body: { name: 'Dan one' }, headers });
    const other = await dan.call('POST', '/api/v1/workspaces', { body: { name: 'Dan two' }, headers });
    expect([other.status, other.error.code]).toEqual([422, 'idempotency_key_reused']);
    const elsewhere = await dan.call('POST', '/api/v1/organizations', { body: { name: 'Dan one' }, headers });
    expect(elsewhere.status).toBe(422);
    const foreign = await eva.call('POST', '/api/v1/workspaces', { body: { name: 'Dan one' }, headers });
    expect(foreign.status).toBe(201);
    expect(foreign.data['id']).not.toBe(first.data['id']);
    const failing = {
      body: { name: 'Later', slug: String(first.data['slug']) },
      headers: { 'idempotency-key': 'retry' },
    };
    expect((await dan.call('POST', '/api/v1/workspaces', failing)).status).toBe(409);
    await api.query('update workspaces set deleted_at = now() where id = $1', [first.data['id']]);
    expect((await dan.call('POST', '/api/v1/workspaces', failing)).status).toBe(201);
    const bad = await dan.call('POST', '/api/v1/workspaces', {
      body: { name: 'Good' },
      headers: { 'idempotency-key': 'with space' },
    });
    expect(bad.error.code).toBe('validation_failed');
  });
});

describe('If-Match', () => {
  it('lets one of two writers through who read the same', async () => {
    const fay = await api.owner('fay');
    const made = await fay.call('POST', '/api/v1/workspaces', { body: { name: 'Edited' } });
    const path = `/api/v1/workspaces/${made.data['id']}`;
    const etag = (await fay.call('GET', path)).headers.get('etag') ?? '';
    expect(etag).toBe('"1"');
    const change = (description: string) =>
      fay.call('PATCH', path, { body: { description }, headers: { 'if-match': etag } });
    const answers = await Promise.all([change('a'), change('b')]);
    expect(answers.map((answer) => answer.status).toSorted()).toEqual([202, 412]);
    expect(answers.find((answer) => answer.status === 412)?.error).toMatchObject({
      code: 'stale_revision',
      details: { current: '"2"' },
    });
    expect(
      (await fay.call('PATCH', path, { body: { description: 'c' }, headers: { 'if-match': 'W/"2"' } }))
        .status,
    ).toBe(412);
    expect(
      (await fay.call('PATCH', path, { body: { description: 'd' }, headers: { 'if-match': '*' } })).status,
    ).toBe(202);
  });
});

describe('the audit log', () => {
  it('has every write and every refusal, in a chain that shows a change', async () => {
    const gus = await api.owner('gus');
    const hal = await api.person('hal');
    await api.join(gus.organizationId, hal, 'viewer');
    const made = await gus.call('POST', '/api/v1/workspaces', { body: { name: 'Watched' } });
    expect((await hal.call('DELETE', `/api/v1/workspaces/${made.data['id']}`)).status).toBe(403);
    expect(
      (await gus.call('POST', '/api/v1/workspaces', { body: { name: 'Taken', slug: 'watched' } })).status,
    ).toBe(409);
    while ((await chainAuditEntries(api.db.database)) > 0);
    const log = await gus.call('GET', `/api/v1/organizations/${gus.organizationId}/audit?sort=createdAt`);
    expect(log.list.map((entry) => [entry['action'], entry['actorEmail'], entry['outcome']])).toEqual([
      ['organization.create', gus.email, 'allowed'],
      ['workspace.create', gus.email, 'allowed'],
      ['workspace.delete', hal.email, 'denied'],
      ['workspace.create', gus.email, 'failed'],
    ]);
    expect(log.list[1]).toMatchObject({
      target: `workspace/${made.data['id']}`,
      requestId: made.meta.requestId,
    });
    const against = { signer: auditSigner(api.db.masterKey), kept: [] };
    const { database } = api.db;
    expect((await verifyChain(database, gus.organizationId, against)).problem).toBeNull();
    await api.query(
      `update audit_entries set outcome = 'allowed' where organization_id = $1 and outcome = 'denied'`,
      [gus.organizationId],
    );
    const broken = log.list.find((entry) => entry['outcome'] === 'denied')?.['sequence'];
    expect((await verifyChain(database, gus.organizationId, against)).broken).toBe(broken);
  });

  it('cannot be changed by the roles that the product runs as', async () => {
    const statement = sql`update audit_entries set action = 'nothing'`;
    const scope = { userId: null, organizationIds: [] };
    await expect(api.db.database.asTenant(scope, (tx) => statement.execute(tx))).rejects.toThrow(
      /permission denied/,
    );
    await expect(api.db.database.asWorker((tx) => statement.execute(tx))).rejects.toThrow(
      /permission denied/,
    );
    await expect(
      api.db.database.asWorker((tx) => sql`delete from audit_entries`.execute(tx)),
    ).rejects.toThrow(/permission denied/);
  });
});

describe('the rate limit', () => {
  it('C13 a flood refuses one session with Retry-After and leaves the others alone', async () => {
    const ida = await api.owner('ida');
    const jim = await api.owner('jim');
    // So little that nothing comes back while the test runs, however busy the machine is.
    const url = `${await api.replica({ rateLimit: { burst: 50, perSecond: 0.001 } })}/api/v1/plans`;
    const refused = (await flood([url], 60, () => bearer(ida.token))).filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.every(({ retryAfter }) => Number(retryAfter) > 0)).toBe(true);
    const [again, quiet] = await Promise.all(
      [ida, jim].map(({ token }) => fetch(url, { headers: bearer(token) })),
    );
    expect(await again?.json()).toMatchObject({ error: { code: 'rate_limited' } });
    expect([quiet?.status, quiet?.headers.get('ratelimit-limit')]).toEqual([200, '50']);
  });
});
