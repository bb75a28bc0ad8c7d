import { brandId } from '@hexabase/kernel/id.ts';
import { disableUser } from '@hexabase/oidc/users.ts';
import { until } from '@hexabase/testkit/given.ts';
import { waitingForLocks } from '@hexabase/testkit/waiting-for-locks.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { untilEnd } from './exchange.ts';
import { fresh, startProduct, type Attacked, type Person, type Tenant } from './start-product.ts';

/** A token of a program that somebody else has got hold of. */
let product: Attacked;
let ann: Tenant;
let eve: Tenant;
const pods = '/api/v1/namespaces/default/pods';
const limit = { timeout: 30_000 };

beforeAll(async () => {
  product = await startProduct();
  ann = await product.tenant('ann');
  eve = await product.tenant('eve');
});
afterAll(() => product[Symbol.asyncDispose]());

interface Stolen {
  id: string;
  name: string;
  token: string;
  path: string;
}

async function tokenOf(owner: Person, scope: string, at = '/api/v1/tokens'): Promise<Stolen> {
  const { status, text, json } = await owner.call('POST', at, { name: fresh('t'), scope, expires: '1d' });
  expect(status, text).toBe(201);
  const { id, name, token } = json['data'];
  return { id, name, token, path: `${at}/${id}` };
}

const mint = ({ token }: Stolen, workspaceId = ann.workspaceId) =>
  product.send({ method: 'POST', path: `/api/v1/workspaces/${workspaceId}/kube-token`, token });

async function watch(stolen: Stolen) {
  const minted = await mint(stolen);
  expect(minted.status, minted.text).toBe(201);
  const kube = String(minted.json['data'].token);
  const stream = await product.openKube(ann.workspaceId, { path: `${pods}?watch=true`, token: kube });
  expect(stream.statusCode).toBe(200);
  return { kube, stream, ended: untilEnd(stream) };
}

async function serviceAccount(): Promise<{ path: string; id: string }> {
  const path = `/api/v1/organizations/${ann.organizationId}/service-accounts`;
  const made = await ann.call('POST', path, { name: fresh('sa'), role: 'admin' });
  expect(made.status, made.text).toBe(201);
  return { path: `${path}/${made.json['data'].id}`, id: made.json['data'].id };
}

const reach = async (kube: string) =>
  (await product.kube(ann.workspaceId, { path: pods, token: kube })).status;

/** A change of the workspace by this credential, which waits while the account is disabled. */
async function whileDisabled(person: Person, token: string): Promise<number> {
  await product.query('begin');
  await product.query('select from workspaces where id = $1 for update', [ann.workspaceId]);
  let answered = false;
  const path = `/api/v1/workspaces/${ann.workspaceId}`;
  const asked = product
    .send({ method: 'PATCH', path, token, body: { description: 'theirs' } })
    .finally(() => (answered = true));
  await until(async () => answered || (await product.query(waitingForLocks)).length > 0);
  const { database, clock } = product.product;
  await database.asIdentity((tx) => disableUser(tx, brandId(person.userId), clock.now()));
  await product.query('commit');
  return (await asked).status;
}

describe('an account that is disabled', () => {
  test(
    'A09 changes nothing any more by an API token or a session whose request was let in before',
    limit,
    async () => {
      for (const by of ['token', 'session']) {
        const mole = await product.person(fresh('mole'));
        const added = { email: mole.email, role: 'admin' };
        const at = `/api/v1/organizations/${ann.organizationId}/members`;
        expect((await ann.call('POST', at, added)).status).toBe(201);
        const token = by === 'token' ? (await tokenOf(mole, 'write')).token : mole.access;
        expect([by, await whileDisabled(mole, token)]).toEqual([by, 401]);
      }
    },
  );

  test(
    'A09 is disabled after what its API tokens are just changing, and not in the midst of it',
    limit,
    async () => {
      const mole = await product.person(fresh('mole'));
      const { id } = await tokenOf(mole, 'write');
      const { database, clock } = product.product;
      // As a change does that is made with this token.
      await product.query('begin');
      await product.query('select from api_tokens where id = $1 for share', [id]);
      let done = false;
      const disabling = database
        .asIdentity((tx) => disableUser(tx, brandId(mole.userId), clock.now()))
        .finally(() => (done = true));
      await until(async () => done || (await product.query(waitingForLocks)).length > 0);
      const before = done;
      await product.query('rollback');
      await disabling;
      expect(before).toBe(false);
    },
  );
});

describe('an API token that is revoked while a watch is open', () => {
  test(
    'A09 an API token that is revoked loses the watch and the cluster; its owner’s other tokens go on',
    limit,
    async () => {
      const [stolen, kept] = [await tokenOf(ann, 'write'), await tokenOf(ann, 'write')];
      const [open, staying] = [await watch(stolen), await watch(kept)];
      expect((await ann.call('DELETE', stolen.path)).status).toBe(204);
      await open.ended;
      expect(await reach(open.kube)).toBe(401);
      expect((await mint(stolen)).status).toBe(401);
      expect(staying.stream.destroyed).toBe(false);
      expect(await reach(staying.kube)).toBe(200);
      await until(async () => {
        const seen = await product.query(
          `select details->>'token' as token from audit_entries where action = 'kube:watch' and actor_id = $1`,
          [ann.userId],
        );
        return [stolen, kept].every(({ name }) => seen.some(({ token }) => token === name));
      });
      expect((await ann.kube('GET', pods)).status).toBe(200);
      staying.stream.destroy();
    },
  );

  test('A09 a service account’s token ends with it, or with the account', limit, async () => {
    const account = await serviceAccount();
    const [one, two] = [
      await tokenOf(ann, 'write', `${account.path}/tokens`),
      await tokenOf(ann, `workspace:${ann.workspaceId}`, `${account.path}/tokens`),
    ];
    const [first, second] = [await watch(one), await watch(two)];
    await ann.call('DELETE', one.path);
    await first.ended;
    expect(second.stream.destroyed).toBe(false);
    expect((await ann.call('DELETE', account.path)).status).toBe(204);
    await second.ended;
    expect([await reach(first.kube), await reach(second.kube)]).toEqual([401, 401]);
  });

  test('A09 an API token ends when its day has come', limit, async () => {
    const stolen = await tokenOf(ann, 'write');
    const { kube, stream } = await watch(stolen);
    stream.destroy();
    await product.query(`update api_tokens set expires_at = now() where id = $1`, [stolen.id]);
    await until(async () => (await reach(kube)) === 401);
  });
});

describe('an API token that is about to end', () => {
  test(
    'A09 a cluster’s credential and its watches end with the API token that they came by',
    limit,
    async () => {
      const stolen = await tokenOf(ann, 'write');
      const [row] = await product.query(
        `update api_tokens set expires_at = now() + interval '6 seconds' where id = $1 returning expires_at`,
        [stolen.id],
      );
      const minted = await mint(stolen);
      expect(minted.status, minted.text).toBe(201);
      const { token: kube, expiresAt } = minted.json['data'];
      expect(Date.parse(expiresAt)).toBeLessThanOrEqual(row?.['expires_at'].getTime());
      const stream = await product.openKube(ann.workspaceId, { path: `${pods}?watch=true`, token: kube });
      expect(stream.statusCode).toBe(200);
      await untilEnd(stream);
      await until(async () => (await reach(kube)) === 401);
    },
  );
});

describe('an API token of another tenant', () => {
  test('A02 an API token of another tenant finds nothing here, and is no credential of a cluster', async () => {
    const before = await product.fingerprint();
    const theirs = await tokenOf(eve, 'write');
    expect((await mint(theirs)).status).toBe(404);
    expect(
      (await product.send({ path: `/api/v1/workspaces/${ann.workspaceId}`, token: theirs.token })).status,
    ).toBe(404);
    const own = await tokenOf(ann, 'write');
    for (const { token } of [theirs, own]) expect(await reach(token)).toBe(401);
    expect(await product.fingerprint()).toBe(before);
  });
});

describe('an API token for reading', () => {
  test('A08 an API token for reading gets no credential of a cluster, which would have all rights of its owner', async () => {
    const stolen = await tokenOf(ann, 'read');
    expect((await mint(stolen)).status).toBe(403);
    const one = await tokenOf(ann, `workspace:${ann.workspaceSlug}`);
    expect((await mint(one)).status).toBe(201);
    const { id } = await product.activeWorkspace(ann, fresh('other'));
    expect((await mint(one, id)).status).toBe(404);
  });
});

describe('words that look like tokens', () => {
  test('A15 words that look like API tokens open nothing', async () => {
    for (const token of [
      'hks_pat_',
      'hks_sat_admin',
      `hks_pat_${'A'.repeat(51)}`,
      `hks_sat_${'0'.repeat(51)}`,
    ])
      expect((await product.send({ path: '/api/v1/organizations', token })).status).toBe(401);
  });
});
