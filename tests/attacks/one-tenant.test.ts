import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@hexabase/testkit/given.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { open } from './exchange.ts';
import { startProduct, type Attacked, type Person, type Tenant } from './start-product.ts';

/** One tenant asks for as much as it can. What it costs is waited for by that tenant. */
let product: Attacked;
let ann: Tenant;
let eve: Tenant;
let colleagues: Person[];

beforeAll(async () => {
  product = await startProduct();
  [ann, eve] = await Promise.all([product.tenant('ann'), product.tenant('eve')]);
  colleagues = await Promise.all(['mallory', 'trudy', 'bob'].map((name) => product.person(name)));
  for (const { email } of colleagues) {
    const path = `/api/v1/organizations/${eve.organizationId}/members`;
    expect((await eve.call('POST', path, { email, role: 'admin' })).status).toBe(201);
  }
});
afterAll(() => product[Symbol.asyncDispose]());

/** Requests that stand still inside the database. */
async function standing(role: string): Promise<number> {
  const [row] = await product.query(
    "select count(*)::int as count from pg_stat_activity where usename = $1 and wait_event_type = 'Lock'",
    [role],
  );
  return row?.['count'] ?? 0;
}

/**
 * Whatever comes has come: some stand still, and for a while their number was the same. Throws an Error with the numbers where
 * that does not come, before the server gives up what stands.
 */
async function allStand(role = 'hexabase_api'): Promise<void> {
  const seen: number[] = [];
  for (const patience = AbortSignal.timeout(25_000); !patience.aborted; await sleep(100)) {
    seen.push(await standing(role));
    const last = seen.slice(-4);
    if (last.length === 4 && last.every((count) => count > 1 && count === last[0])) return;
  }
  throw new Error(`${role} does not stand still: ${seen.join(' ')}`);
}

/** The statement that locks, and what stands for `$1` in it. */
interface Lock {
  sql: string;
  of?: string;
}

/** Runs while something is locked, as if everything that needs it took very long. */
async function whileLocked<T>({ sql, of }: Lock, run: () => Promise<T>): Promise<T> {
  await product.query('begin');
  try {
    await product.query(sql, of === undefined ? [] : [of]);
    return await run();
  } finally {
    await product.query('rollback');
  }
}

const newGroups = (person: Person, count: number) =>
  Array.from({ length: count }, (_, n) =>
    person.call('POST', `/api/v1/organizations/${eve.organizationId}/groups`, {
      name: `g-${person.email.split('@')[0]}-${Math.random().toString(36).slice(2)}-${n}`,
    }),
  );

const row = (): Lock => ({
  sql: 'select id from hexabase.organizations where id = $1 for update',
  of: eve.organizationId,
});

describe('requests that take long', () => {
  test('C17 of one account leave connections to everybody else', async () => {
    const slow = await whileLocked(row(), async () => {
      const sent = newGroups(eve, 14);
      await allStand();
      expect((await ann.call('GET', '/api/v1/organizations')).status).toBe(200);
      return sent;
    });
    for (const { status } of await Promise.all(slow)) expect([201, 429]).toContain(status);
  });

  test('C17 of one organization leave connections to everybody else, however many people it has', async () => {
    const slow = await whileLocked(row(), async () => {
      const sent = [eve, ...colleagues].flatMap((person) => newGroups(person, 4));
      await allStand();
      expect((await ann.call('GET', '/api/v1/organizations')).status).toBe(200);
      return sent;
    });
    for (const { status } of await Promise.all(slow)) expect([201, 429]).toContain(status);
  });

  test('C17 questions about rights keep nobody in the organization from anything else', async () => {
    const [mallory, trudy, bob] = colleagues;
    const lock = { sql: 'lock table hexabase.role_assignments in access exclusive mode' };
    const slow = await whileLocked(lock, async () => {
      const path = `/api/v1/workspaces/${eve.workspaceId}/access`;
      const sent = [mallory, trudy].flatMap((person) =>
        Array.from({ length: 5 }, () => person?.call('GET', path)),
      );
      await allStand();
      expect((await bob?.call('GET', `/api/v1/workspaces/${eve.workspaceId}`))?.status).toBe(200);
      return sent;
    });
    for (const answer of await Promise.all(slow)) expect([200, 429]).toContain(answer?.status);
  });
});

describe('requests', () => {
  test('C17 that end one session many times leave connections to everybody else', async () => {
    const { refresh } = await product.signIn(eve);
    // As a change does that is made in this session, and takes long.
    const lock = { sql: 'select from hexabase.sessions where user_id = $1 for share', of: eve.userId };
    const sent = await whileLocked(lock, async () => {
      const ended = Array.from({ length: 12 }, () =>
        product.send({ method: 'POST', path: '/auth/logout', body: { refresh_token: refresh } }),
      );
      await allStand('hexabase_identity');
      const meanwhile = await ann.call('GET', '/api/v1/organizations');
      expect(meanwhile.status, meanwhile.text).toBe(200);
      return ended;
    });
    for (const { status } of await Promise.all(sent)) expect([204, 429]).toContain(status);
  });
});

describe('passwords that strangers try', () => {
  test('C17 leave connections to whoever is signed in', async () => {
    const lock = { sql: 'lock table hexabase.login_attempts in access exclusive mode' };
    const tried = await whileLocked(lock, async () => {
      const sent = Array.from({ length: 30 }, (_, n) => {
        const body = { email: `nobody-${n}@example.test`, password: 'none of them' };
        return product.send({ method: 'POST', path: '/auth/login', from: `127.0.0.${n + 2}`, body });
      });
      await allStand('hexabase_identity');
      expect((await ann.call('GET', '/api/v1/organizations')).status).toBe(200);
      return sent;
    });
    for (const { status } of await Promise.all(tried)) expect([401, 429]).toContain(status);
  });
});

describe('rules of a role', () => {
  test('C17 that would be millions of single rights are refused before they are looked at one by one', async () => {
    const words = (prefix: string) => Array.from({ length: 40 }, (_, n) => `${prefix}${n}`);
    const rule = {
      verbs: words('verb'),
      apiGroups: words('group'),
      resources: words('things'),
      resourceNames: words('name'),
    };
    const answer = await eve.call('POST', `/api/v1/workspaces/${eve.workspaceId}/roles`, {
      name: 'everything',
      rules: [rule],
    });
    expect([answer.status, answer.json['error']?.code]).toEqual([403, 'escalation_refused']);
    expect(answer.json['error']?.details.fields[0].message).toContain('2560000 single rights');
  });
});

/** Rules as the database has them; the last one alone allows `get`. */
const rulesAbout = (count: number, verb: string) =>
  Array.from({ length: count }, (_, n) => ({
    verbs: [n === count - 1 ? verb : 'list'],
    apiGroups: ['example.com'],
    resources: ['things'],
    resourceNames: [],
    nonResourceURLs: [],
  }));

/** Roles of one workspace's own, each given to a group in which somebody is. */
async function giveRoles({ organizationId, workspaceId }: Tenant, userId: string, rules: object[][]) {
  const ids = [organizationId, workspaceId];
  await product.query(
    `insert into hexabase.roles (id, organization_id, workspace_id, scope, name, rules)
       select 'long' || n, $1, $2, 'workspace', 'long' || lpad(n::text, 3, '0'), rules
       from jsonb_array_elements($3::jsonb) with ordinality as one (rules, n)`,
    [...ids, JSON.stringify(rules)],
  );
  await product.query(
    `insert into hexabase.groups (id, organization_id, name) values ('much', $1, 'much'), ('more', $1, 'more')`,
    [organizationId],
  );
  await product.query(
    `insert into hexabase.group_members (group_id, user_id, organization_id)
       values ('much', $2, $1), ('more', $2, $1)`,
    [organizationId, userId],
  );
  await product.query(
    `insert into hexabase.role_assignments (id, organization_id, workspace_id, role_id, group_id)
       select r.id || g, $1, $2, r.id, g from hexabase.roles r, unnest(array['much', 'more']) g
       where r.workspace_id = $2 and r.id like 'long%'`,
    ids,
  );
}

describe('roles with long rules', () => {
  let collector: Tenant;
  let bob: Person;
  let workspace: string;
  beforeAll(async () => {
    [collector, bob] = await Promise.all([product.tenant('lengthy'), product.person('lengthy-bob')]);
    workspace = `/api/v1/workspaces/${collector.workspaceId}`;
    const members = `/api/v1/organizations/${collector.organizationId}/members`;
    expect((await collector.call('POST', members, { email: bob.email, role: 'viewer' })).status).toBe(201);
    const rules = Array.from({ length: 41 }, (_, n) => rulesAbout(50, n === 40 ? 'get' : 'list'));
    await giveRoles(collector, bob.userId, rules);
  });
  const role = (name: string, rules: object[], scope = 'workspace') =>
    collector.call('POST', `${workspace}/roles`, { name, scope, rules });

  test('C17 are told once to whoever asks, however often they were given', async () => {
    const { json } = await bob.call('GET', `${workspace}/access`);
    const { grants, roles } = json['data'];
    expect([grants.length, roles.length]).toEqual([83, 42]);
    for (const told of ['rules', 'words'])
      expect(grants.filter((grant: Record<string, unknown[]>) => grant[told]?.length !== 0)).toHaveLength(42);
  });

  test('C17 are compared so often at most that nobody else waits for it', async () => {
    expect((await collector.call('POST', `${workspace}/projects`, { name: 'shop' })).status).toBe(201);
    const given = { role: 'admin', project: 'shop', user: bob.email };
    expect((await collector.call('POST', `${workspace}/assignments`, given)).status).toBe(201);
    // Each single rule is the last of two thousand that Bob has.
    const wanted = rulesAbout(1, 'get');
    for (const [name, rules] of [
      ['few', wanted],
      ['many', Array.from({ length: 50 }, () => wanted).flat()],
    ] as const)
      expect((await role(name, [...rules], 'project')).status).toBe(201);
    const give = (name: string) =>
      bob.call('POST', `${workspace}/assignments`, { role: name, project: 'shop', group: 'much' });
    expect((await give('few')).status).toBe(201);
    expect((await give('many')).json['error']?.code).toBe('escalation_refused');
  });

  test('C17 of more than 16 KiB are not taken', async () => {
    const rule = { verbs: ['get'], apiGroups: [''], resources: Array.from({ length: 100 }, () => 'pods') };
    const answer = await role(
      'long',
      Array.from({ length: 25 }, () => rule),
    );
    expect([answer.status, answer.json['error']?.details.fields[0].message]).toEqual([
      400,
      expect.stringContaining('16384 bytes'),
    ]);
  });

  test('C17 come to an end in all roles of a workspace together', async () => {
    const filled = JSON.stringify(rulesAbout(4_000, 'list'));
    const change = 'update hexabase.roles set rules = $1::jsonb where workspace_id = $2 and name = $3';
    await product.query(change, [filled, collector.workspaceId, 'few']);
    const rule = { verbs: ['get'], apiGroups: [''], resources: ['pods'] };
    const answer = await role('one-more', [rule]);
    expect([answer.status, answer.json['error']?.code]).toEqual([409, 'conflict']);
    const longer = await collector.call('PATCH', `${workspace}/roles/many`, {
      rules: rulesAbout(50, 'get').map((one) => ({ ...one, verbs: ['get', 'list', 'watch'] })),
    });
    expect(longer.status).toBe(409);
    const shorter = await collector.call('PATCH', `${workspace}/roles/few`, { rules: [rule] });
    expect(shorter.status, shorter.text).toBe(200);
  });
});

describe('what is looked through for every question about rights', () => {
  test('C17 groups, roles and given roles come to an end', async () => {
    const collector = await product.tenant('collector');
    const { organizationId, workspaceId } = collector;
    const ids = [organizationId, workspaceId];
    await product.query(
      `insert into hexabase.groups (id, organization_id, name)
         select 'g' || n, $1, 'g' || n from generate_series(1, 20000) n`,
      [organizationId],
    );
    await product.query(
      `insert into hexabase.roles (id, organization_id, workspace_id, scope, name, rules)
         select 'r' || n, $1, $2, 'workspace', 'r' || n, '[]' from generate_series(1, 200) n`,
      ids,
    );
    await product.query(
      `insert into hexabase.role_assignments (id, organization_id, workspace_id, preset, group_id)
         select 'a' || n, $1, $2, 'viewer', 'g' || n from generate_series(1, 2000) n`,
      ids,
    );
    const rule = { verbs: ['get'], apiGroups: [''], resources: ['pods'] };
    const more = [
      [`organizations/${organizationId}/groups`, { name: 'one-more' }],
      [`workspaces/${workspaceId}/roles`, { name: 'one-more', rules: [rule] }],
      [`workspaces/${workspaceId}/assignments`, { role: 'viewer', group: 'g3000' }],
    ] as const;
    for (const [path, body] of more)
      expect([path, (await collector.call('POST', `/api/v1/${path}`, body)).status]).toEqual([path, 409]);
  });
});

describe('event streams', () => {
  const stream = (person: Person) =>
    open(product.api, { path: '/api/v1/events/stream', token: person.access });

  test('C17 are given to one account up to a number, and then to others', async () => {
    const opened = await Promise.all(Array.from({ length: 30 }, () => stream(eve)));
    const given = opened.filter(({ statusCode }) => statusCode === 200);
    const refused = opened.filter(({ statusCode }) => statusCode === 429);
    expect([given.length, refused.length]).toEqual([16, 14]);
    expect(refused.map(({ headers }) => headers['retry-after'])).toEqual(refused.map(() => '30'));
    const other = await stream(ann);
    expect(other.statusCode).toBe(200);
    given[0]?.destroy();
    await until(async () => {
      const again = await stream(eve);
      again.destroy();
      return again.statusCode === 200;
    });
    for (const response of [...opened, other]) response.destroy();
  });
});
