import { appCode } from '@hexabase/testkit/authenticator-app.ts';
import { until } from '@hexabase/testkit/given.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { open, untilEnd } from './exchange.ts';
import { fresh, startProduct, type Attacked, type Person, type Tenant } from './start-product.ts';
import { operatorOf } from './things.ts';

/** Somebody who runs the platform and has no business in its tenants. */
let product: Attacked;
let ann: Tenant;
let eve: Tenant;
let oscar: Person;
const secrets = '/api/v1/namespaces/default/secrets';

beforeAll(async () => {
  product = await startProduct();
  ann = await product.tenant('ann');
  eve = await product.tenant('eve');
  oscar = await operatorOf(product);
});
afterAll(() => product[Symbol.asyncDispose]());

async function letIn(level: 'read' | 'admin'): Promise<{ id: string; kube: string }> {
  const made = await ann.call('POST', `/api/v1/organizations/${ann.organizationId}/grants`, {
    operator: oscar.email,
    level,
    reason: 'Pods do not start',
  });
  expect(made.status, made.text).toBe(201);
  return { id: made.json['data'].id, kube: await product.kubeToken(oscar, ann.workspaceId) };
}

describe('an operator of the platform', () => {
  test('A01 an operator of the platform has no cluster of a tenant without being let in, and of no other tenant with it', async () => {
    const token = `/api/v1/workspaces/${ann.workspaceId}/kube-token`;
    expect((await oscar.call('POST', token)).status).toBe(404);
    const { kube } = await letIn('admin');
    expect((await oscar.call('POST', token.replace(ann.workspaceId, eve.workspaceId))).status).toBe(404);
    expect((await product.kube(eve.workspaceId, { path: secrets, token: kube })).status).toBe(401);
    expect((await product.kube(ann.workspaceId, { path: secrets, token: kube })).status).toBe(200);
  });

  test('A08 an operator of the platform reads no letter that would let them in as its reader', async () => {
    const bea = await product.person(fresh('bea'));
    const invited = `/api/v1/organizations/${ann.organizationId}/invitations`;
    expect((await ann.call('POST', invited, { email: bea.email, role: 'admin' })).status).toBe(201);
    const page = await fetch(`${product.api.url}/auth/reset`);
    const cookie = page.headers.get('set-cookie')?.split(';')[0] ?? '';
    const token = /name="form_token" value="([^"]+)"/.exec(await page.text())?.[1] ?? '';
    const body = new URLSearchParams({ form_token: token, email: ann.email });
    const asked = await fetch(page.url, { method: 'POST', body, headers: { cookie } });
    expect(asked.status).toBe(200);
    const codes = [await product.letterTo(bea.email), await product.letterTo(ann.email)].map(
      (text) => /hks_inv_\S+|hksl_\S+/.exec(text)?.[0] ?? 'no code',
    );
    expect(codes).toEqual([expect.stringMatching(/^hks_inv_/), expect.stringMatching(/^hksl_/)]);
    const listed = await oscar.call('GET', '/api/v1/outbox');
    const mails: { id: string }[] = listed.json['data'];
    expect(mails.length).toBeGreaterThan(1);
    const shown = await Promise.all(mails.map(({ id }) => oscar.call('GET', `/api/v1/outbox/${id}`)));
    const all = [listed, ...shown].map(({ text }) => text).join();
    for (const code of codes) expect(all).not.toContain(code);
    expect(new Set(shown.map(({ json }) => json['data'].text))).toEqual(new Set([null]));
    const looks = await product.query(
      `select id from audit_entries where action = 'outbox.get' and actor_id = $1 and organization_id is null
         and person_id is null`,
      [oscar.userId],
    );
    expect(looks).toHaveLength(mails.length);
  });

  test('A08 an operator of the platform who was let in to look changes nothing in the cluster', async () => {
    await product.query('delete from access_grants');
    const { kube, id } = await letIn('read');
    const pods = { path: '/api/v1/namespaces/default/pods', token: kube };
    expect((await product.kube(ann.workspaceId, pods)).status).toBe(200);
    const body = { metadata: { name: 'left-behind' } };
    const made = { method: 'POST', path: '/api/v1/namespaces/default/configmaps', token: kube, body };
    expect((await product.kube(ann.workspaceId, made)).status).toBe(403);
    const marked = () =>
      product.query(
        `select action, outcome from audit_entries where access_grant_id = $1 and action like 'kube:%' order by id`,
        [id],
      );
    await until(async () => (await marked()).length === 2);
    expect(await marked()).toEqual([
      { action: 'kube:list', outcome: 'allowed' },
      { action: 'kube:create', outcome: 'denied' },
    ]);
  });

  test(
    'A09 an operator of the platform loses cluster, API and every open stream with the grant',
    { timeout: 30_000 },
    async () => {
      await product.query('delete from access_grants');
      const { kube, id } = await letIn('admin');
      const watching = await product.openKube(ann.workspaceId, {
        path: `${secrets}?watch=true`,
        token: kube,
      });
      expect(watching.statusCode).toBe(200);
      const ended = untilEnd(watching);
      const path = `/api/v1/organizations/${ann.organizationId}/grants/${id}`;
      expect((await ann.call('DELETE', path)).status).toBe(204);
      await ended;
      expect((await product.kube(ann.workspaceId, { path: secrets, token: kube })).status).toBe(401);
      expect((await oscar.call('GET', `/api/v1/workspaces/${ann.workspaceId}`)).status).toBe(404);
    },
  );

  test(
    'A09 an operator of the platform without a second factor is out of cluster and watches once the organization asks for one',
    { timeout: 30_000 },
    async () => {
      await product.query('delete from access_grants');
      const { kube } = await letIn('admin');
      const watching = await product.openKube(ann.workspaceId, {
        path: `${secrets}?watch=true`,
        token: kube,
      });
      expect(watching.statusCode).toBe(200);
      const ended = untilEnd(watching);
      const { id, secret } = (await ann.call('POST', '/api/v1/second-factors/totp', {})).json['data'];
      const confirmed = await ann.call('POST', `/api/v1/second-factors/${id}/confirm`, {
        code: appCode(secret),
      });
      expect(confirmed.status, confirmed.text).toBe(200);
      const asks = `/api/v1/organizations/${ann.organizationId}/second-factor`;
      expect((await ann.call('PUT', asks, { mode: 'required' })).status).toBe(200);
      await ended;
      const refused = await product.kube(ann.workspaceId, { path: secrets, token: kube });
      expect([refused.status, refused.text]).toEqual([
        403,
        expect.stringContaining('second_factor_required'),
      ]);
      expect((await product.kube(ann.workspaceId, { path: secrets, token: ann.kubeToken })).status).toBe(200);
    },
  );
});

describe('the time for which an operator of the platform was let in', () => {
  const limit = { timeout: 30_000 };
  const minuteMs = 60_000;
  let startMs: number;
  // The clock of the product, which runs in this process; what waits and sweeps goes on by the real one.
  const minutesLater = (minutes: number) => vi.setSystemTime(startMs + minutes * minuteMs);

  beforeEach(async () => {
    await product.query('delete from access_grants');
    startMs = Date.now();
    vi.useFakeTimers({ toFake: ['Date'], now: startMs });
  });
  afterEach(() => vi.useRealTimers());

  /** Half a minute before the hour is over, in a session of then. */
  async function nearTheEnd(): Promise<Person> {
    const made = await eve.call('POST', `/api/v1/organizations/${eve.organizationId}/grants`, {
      operator: oscar.email,
      level: 'admin',
      hours: 1,
      reason: 'Pods do not start',
    });
    expect(made.status, made.text).toBe(201);
    minutesLater(59.5);
    return product.signIn(oscar);
  }

  test(
    'A09 an operator of the platform is out of the API, and of an export that runs, when their time is over',
    limit,
    async () => {
      await product.query(
        `insert into audit_entries (id, organization_id, action, target, outcome, details)
       select 'y' || lpad(n::text, 6, '0'), $1, 'test.bulk', 'x', 'allowed', jsonb_build_object('pad', repeat('x', 4000))
       from generate_series(1, 12000) n`,
        [eve.organizationId],
      );
      const { access, call } = await nearTheEnd();
      const path = `/api/v1/organizations/${eve.organizationId}`;
      expect((await call('GET', path)).status).toBe(200);
      const exported = await open(product.api, { path: `${path}/audit/export`, token: access });
      expect(exported.statusCode).toBe(200);
      await new Promise((resolve) => exported.once('readable', resolve));
      minutesLater(60);
      expect((await call('GET', path)).status).toBe(404);
      expect((await call('POST', `/api/v1/workspaces/${eve.workspaceId}/kube-token`)).status).toBe(404);
      await untilEnd(exported);
      expect(exported.complete).toBe(false);
    },
  );

  test(
    'A09 an operator of the platform is out of the cluster, and of every watch, when their time is over',
    limit,
    async () => {
      const kube = await product.kubeToken(await nearTheEnd(), eve.workspaceId);
      const watching = await product.openKube(eve.workspaceId, {
        path: `${secrets}?watch=true`,
        token: kube,
      });
      expect(watching.statusCode).toBe(200);
      const ended = untilEnd(watching);
      minutesLater(60);
      await ended;
      expect((await product.kube(eve.workspaceId, { path: secrets, token: kube })).status).toBe(401);
    },
  );
});
