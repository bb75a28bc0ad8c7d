import { setTimeout } from 'node:timers/promises';
import { resources } from '@hexabase/contract/index.ts';
import { waitingForLocks } from '@hexabase/testkit/waiting-for-locks.ts';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { validBody } from '../valid-bodies.ts';
import { startApi, type Api, type Person } from './start-api.ts';

/** What somebody made for machines outlives their membership, and whoever removes them is told of it. */
let api: Api;
let ann: Person & { organizationId: string };

beforeAll(async () => {
  api = await startApi();
  ann = await api.owner('ann');
});
afterAll(() => api[Symbol.asyncDispose]());

it('tokens of service accounts and CI rules are named when the member who made them is removed, with how to end them', async () => {
  const member = await api.person('leaver');
  await api.join(ann.organizationId, member, 'admin');
  const at = `/api/v1/organizations/${ann.organizationId}`;
  const account = 'deployer';
  await member.call('POST', `${at}/service-accounts`, { body: { name: account, role: 'viewer' } });
  const tokens = `${at}/service-accounts/${account}/tokens`;
  const make = (person: Person, name: string) =>
    person.call('POST', tokens, { body: { name, scope: 'read', expires: '1d' } });
  const kept = await make(member, 'kept');
  await make(ann, 'of-another');
  await make(member, 'revoked');
  await member.call('DELETE', `${tokens}/revoked`);
  const { create } = resources.federation.operations;
  const rule = validBody(create, { serviceAccount: account });
  expect((await member.call('POST', `${at}/federations`, { body: rule })).status).toBe(201);
  const secret = String(kept.data['token']);
  expect((await api.call('GET', at, { token: secret })).status).toBe(200);
  const removed = await ann.call('DELETE', `${at}/members/${member.userId}`);
  const inOrganization = `--organization ${ann.organizationId}`;
  const common = { serviceAccount: account, lastUsedAt: null };
  expect([removed.status, removed.data['secrets']]).toEqual([
    200,
    [
      {
        ...common,
        kind: 'token',
        name: 'kept',
        lastUsedAt: expect.any(String),
        id: kept.data['id'],
        howTo: `hks service-account tokens revoke ${account} ${String(kept.data['id'])} ${inOrganization}`,
      },
      {
        ...common,
        kind: 'federation',
        name: rule['name'],
        id: expect.any(String),
        howTo: expect.stringMatching(/^hks federation delete [-0-9a-f]{36} --organization [-0-9a-f]{36}$/),
      },
    ],
  ]);
  const named = `CI rule "${String(rule['name'])}", for jobs as ${account}`;
  expect(removed.data['notice']).toContain(named);
  expect((await api.call('GET', at, { token: secret })).status).toBe(200);
  // For who lost the answer: the log names the same, and the list says whose it was.
  const [entry] = await api.query(
    `select details from audit_entries where action = 'member.remove' and details ->> 'secretsLeft' is not null`,
  );
  expect(JSON.stringify(entry)).toContain(`token/${String(kept.data['id'])}`);
  const makers = (await ann.call('GET', tokens)).list.map(({ name, madeBy }) => [name, madeBy]);
  expect(new Map(makers as [string, string][])).toEqual(
    new Map([
      ['kept', 'left'],
      ['of-another', ann.email],
    ]),
  );
  expect((await ann.call('DELETE', `${tokens}/kept`)).status).toBe(204);
  expect((await api.call('GET', at, { token: secret })).status).toBe(401);
});

it('who leaves by themselves is told the same of their own, the log has it, and the list of rules says who made each', async () => {
  const { member, at, make } = await administrator('goer');
  const kept = await make('kept');
  const { create } = resources.federation.operations;
  const made = (person: Person, name: string) =>
    person.call('POST', `${at}/federations`, {
      body: { ...validBody(create, { serviceAccount: 'of-goer' }), name },
    });
  expect([(await made(member, 'of-goer')).status, (await made(ann, 'of-ann')).status]).toEqual([201, 201]);
  const makers = async () =>
    new Map((await ann.call('GET', `${at}/federations`)).list.map(({ name, madeBy }) => [name, madeBy]));
  expect((await makers()).get('of-goer')).toBe(member.email);
  const left = await member.call('POST', `${at}/leave`);
  const rule = expect.objectContaining({ kind: 'federation', name: 'of-goer' });
  const token = expect.objectContaining({ kind: 'token', id: kept.data['id'] });
  expect([left.status, left.data['secrets']]).toEqual([200, [token, rule]]);
  expect(left.data['notice']).toMatch(
    /^You made these for machines[^]*token "kept" of service account of-goer/,
  );
  expect([(await makers()).get('of-goer'), (await makers()).get('of-ann')]).toEqual(['left', ann.email]);
  const log = await api.query(
    `select details ->> 'secretsLeft' as left from audit_entries where action = 'organization.leave'`,
  );
  expect(log).toEqual([{ left: expect.stringContaining(`token/${String(kept.data['id'])}`) }]);
});

it('who has not shown the second factor that is asked is let out and told nothing of what is inside', async () => {
  const eva = await api.owner('eva');
  const member = await api.person('no-factor');
  await api.join(eva.organizationId, member, 'admin');
  const at = `/api/v1/organizations/${eva.organizationId}`;
  await member.call('POST', `${at}/service-accounts`, { body: { name: 'secret-name', role: 'viewer' } });
  const body = { name: 'kept', scope: 'read', expires: '1d' };
  expect((await member.call('POST', `${at}/service-accounts/secret-name/tokens`, { body })).status).toBe(201);
  await api.query('update organizations set require_second_factor = true where id = $1', [
    eva.organizationId,
  ]);
  const left = await member.call('POST', `${at}/leave`);
  expect([left.status, left.data['secrets'], left.data['notice']]).toEqual([200, [], null]);
  expect(left.text).not.toContain('secret-name');
  const log = await api.query(
    `select details ->> 'secretsLeft' as left from audit_entries where action = 'organization.leave' and organization_id = $1`,
    [eva.organizationId],
  );
  expect(log).toEqual([{ left: expect.stringContaining('token/') }]);
});

it('the commands that end what a member left run nothing else, whatever the member called it', async () => {
  const { member, at, accounts, make } = await administrator('namer');
  const names = ['x; echo PWNED #', '--help', '$(id)', 'my "deploy"'];
  for (const name of names) expect((await make(name)).status).toBe(201);
  const removed = await ann.call('DELETE', `${at}/members/${member.userId}`);
  const notice = String(removed.data['notice']);
  const commands = notice.split('\n').filter((line) => line.startsWith('    '));
  expect(commands).toHaveLength(names.length);
  for (const command of commands)
    expect(command).toMatch(
      /^ {4}hks service-account tokens revoke [a-z0-9-]+ [-0-9a-f]{36} --organization [-0-9a-f]{36}$/,
    );
  for (const name of names) expect(notice).toContain(`token ${JSON.stringify(name)} of service account`);
  const id = /revoke [a-z0-9-]+ (\S+)/.exec(commands[0] ?? '')?.[1] ?? '';
  expect((await ann.call('DELETE', `${accounts}/tokens/${id}`)).status).toBe(204);
});

it('a command in an answer takes a name that somebody typed as one word', async () => {
  const user = "o'hara; echo PWNED";
  const at = `/api/v1/organizations/${ann.organizationId}`;
  const made = await ann.call('POST', `${at}/groups`, { body: { name: 'readers' } });
  const refused = await ann.call('POST', `${at}/groups/${String(made.data['id'])}/members`, {
    body: { user },
  });
  expect([refused.status, refused.error.details['howTo']]).toEqual([
    404,
    `hks invitation create 'o'\\''hara; echo PWNED'`,
  ]);
});

it('a token that is being made when its maker is removed is named too, and afterwards none is made', async () => {
  const { member, at, accountId, make } = await administrator('racer');
  const other = new Client({ ...api.db.admin, options: '-c search_path=hexabase' });
  await other.connect();
  try {
    // As if another token of this account were being made: the one of the member waits half done.
    await other.query('begin');
    const turn = `select pg_advisory_xact_lock(hashtextextended('hexabase.api_tokens ' || $1::text, 0))`;
    await other.query(turn, [accountId]);
    const making = make('just-in-time');
    await waiting(1);
    const removing = ann.call('DELETE', `${at}/members/${member.userId}`);
    await Promise.race([waiting(2), removing]);
    await other.query('commit');
    expect((await making).status).toBe(201);
    expect((await removing).data['secrets']).toEqual([expect.objectContaining({ name: 'just-in-time' })]);

    await api.join(ann.organizationId, member, 'admin');
    // As if the removal were half done: the member was let in before it, and goes on after it.
    await other.query('begin');
    await other.query('select from organizations where id = $1 for update', [ann.organizationId]);
    const late = [make('too-late'), rule(member, at)];
    await waiting(2);
    await other.query('delete from memberships where organization_id = $1 and user_id = $2', [
      ann.organizationId,
      member.userId,
    ]);
    await other.query('commit');
    expect((await Promise.all(late)).map(({ status }) => status)).toEqual([404, 404]);
  } finally {
    await other.end();
  }
});

async function administrator(name: string) {
  const member = await api.person(name);
  await api.join(ann.organizationId, member, 'admin');
  const at = `/api/v1/organizations/${ann.organizationId}`;
  const accounts = `${at}/service-accounts/of-${name}`;
  const account = { name: `of-${name}`, role: 'viewer' };
  const made = await member.call('POST', `${at}/service-accounts`, { body: account });
  const make = (token: string) =>
    member.call('POST', `${accounts}/tokens`, { body: { name: token, scope: 'read', expires: '1d' } });
  return { member, at, accounts, accountId: String(made.data['id']), make };
}

function rule(person: Person, at: string) {
  const body = validBody(resources.federation.operations.create, {
    serviceAccount: 'of-racer',
    name: 'too-late',
  });
  return person.call('POST', `${at}/federations`, { body });
}

/** Until so many statements wait for a lock. */
async function waiting(count: number): Promise<void> {
  while ((await api.query(waitingForLocks)).length < count) await setTimeout(20);
}
