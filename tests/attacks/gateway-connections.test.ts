import { once } from 'node:events';
import { Agent, request as httpsRequest } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import { until } from '@hexabase/testkit/given.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startProduct, type Attacked, type Person, type Tenant } from './start-product.ts';

/** What one connection, or one tenant, does to what is recorded of all. */
let product: Attacked;
let ann: Tenant;
let eve: Tenant;
const things = '/api/v1/namespaces/default/configmaps';

beforeAll(async () => {
  product = await startProduct();
  ann = await product.tenant('ann');
  eve = await product.tenant('eve');
});
afterAll(() => product[Symbol.asyncDispose]());

async function member(role: string): Promise<Person & { token: string }> {
  const person = await product.person(`${role}-${crypto.randomUUID().slice(0, 8)}`);
  const members = `/api/v1/organizations/${ann.organizationId}/members`;
  await ann.call('POST', members, { email: person.email, role });
  return { ...person, token: await product.kubeToken(person, ann.workspaceId) };
}

/** What the audit log has of somebody's requests for something. */
const told = (by: Person, target: string) =>
  product.query(
    `select action, outcome, (details->>'status')::int as status, details->>'stage' as stage
     from audit_entries where actor_id = $1 and target like '%' || $2 order by id`,
    [by.userId, target],
  );

/** Requests in one piece on one connection. */
async function sendTogether(...lines: string[]): Promise<{ socket: TLSSocket; said: () => string }> {
  const { hostname, port } = new URL(product.gateway.url);
  const ca = product.gateway.certificateAuthority;
  const socket = connect({ host: hostname, port: Number(port), ca, servername: 'localhost' });
  let said = '';
  socket.on('error', () => undefined).on('data', (chunk) => (said += String(chunk)));
  await once(socket, 'secureConnect');
  socket.write(lines.join(''));
  return { socket, said: () => said };
}

const asked = (line: string, token: string, more = '') => {
  const [method = '', path = ''] = line.split(' ');
  return `${method} /k8s/workspaces/${ann.workspaceId}${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n${more}\r\n`;
};
const webSocket =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
const statusesIn = (said: string) =>
  [...said.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));

test('C15 no character in a path stops what is recorded of others', async () => {
  const viewer = await member('viewer');
  for (const before of ['', 'a']) {
    const path = `/api/v1/namespaces/default/pods/${before}${encodeURIComponent('😀'.repeat(600))}`;
    expect((await product.kube(ann.workspaceId, { path, token: viewer.token })).status).toBe(404);
  }
  expect((await eve.kube('DELETE', `${things}/after-it`)).status).toBe(404);
  await until(async () => (await told(eve, 'configmaps/after-it')).length > 0);
  const rows = await product.query(
    `select target from audit_entries where actor_id = $1 and action = 'kube:get'`,
    [viewer.userId],
  );
  expect(rows.filter(({ target }) => target.includes('😀'))).toHaveLength(2);
});

test('C15 an upgrade behind another request is not told with that one’s answer', async () => {
  const path = '/api/v1/namespaces/default/pods/none/exec';
  const refused = asked('GET /version', ann.kubeToken, 'Impersonate-User: x\r\n');
  const { socket, said } = await sendTogether(
    refused,
    asked(`GET ${path}?command=id`, ann.kubeToken, webSocket),
  );
  await once(socket, 'close');
  expect(statusesIn(said())).toEqual([403, 400]);
  const rows = await until(async () => {
    const all = await told(ann, path);
    return all.length > 0 && all;
  });
  expect(rows).toMatchObject([{ outcome: 'failed', status: 400 }]);
});

test('C15 a client does not choose the id under which it is recorded', async () => {
  const thing = `${things}/under-an-id`;
  const sent = { method: 'DELETE', path: thing, token: ann.kubeToken, headers: ['Audit-ID', 'chosen'] };
  const { headers } = await product.kube(ann.workspaceId, sent);
  const rows = await until(async () => {
    const all = await product.query(`select request_id from audit_entries where target like '%' || $1`, [
      thing,
    ]);
    return all.length > 0 && all;
  });
  expect(rows).toEqual([{ request_id: headers['audit-id'] }]);
});

test('A09 a change behind a watch on one connection never begins once the right is taken', async () => {
  const developer = await member('admin');
  const thing = `${things}/precious`;
  expect((await ann.kube('POST', things, { metadata: { name: 'precious' } })).status).toBe(201);
  const { socket, said } = await sendTogether(
    asked('GET /api/v1/namespaces?watch=1', developer.token),
    asked(`DELETE ${thing}`, developer.token),
  );
  const closed = once(socket, 'close');
  await until(async () => said().includes('ADDED'));
  expect((await ann.kube('GET', thing)).status).toBe(200);
  await ann.call('DELETE', `/api/v1/organizations/${ann.organizationId}/members/${developer.userId}`);
  await closed;
  await until(async () => (await told(developer, '/namespaces')).some(({ stage }) => stage === 'ended'));
  expect((await ann.kube('GET', thing)).status).toBe(200);
  expect(await told(developer, thing)).toEqual([]);
});

test(
  'C13 who floods the record is refused before others are, and told how often',
  { timeout: 120_000 },
  async () => {
    const { hostname, port } = new URL(product.gateway.url);
    using agents = new DisposableStack();
    const agent = agents.adopt(new Agent({ keepAlive: true, maxSockets: 16 }), (one) => one.destroy());
    const ca = product.gateway.certificateAuthority;
    const flood = () =>
      new Promise<number>((resolve, reject) => {
        const path = `/k8s/workspaces/${ann.workspaceId}/version`;
        const headers = { authorization: `Bearer ${ann.kubeToken}`, 'impersonate-user': 'x' };
        httpsRequest({ hostname, port, path, ca, agent, method: 'POST', servername: 'localhost', headers })
          .on('error', reject)
          .on('response', (response) => resolve(response.resume().statusCode ?? 0))
          .end();
      });
    const hits = new Map<number, number>();
    // Nothing can be written for a while, as when the database is slow.
    await product.query('begin');
    await product.query('lock table audit_entries in exclusive mode');
    try {
      await Promise.all(
        Array.from({ length: 16 }, async () => {
          for (let index = 0; index < 350; index += 1) {
            const status = await flood();
            hits.set(status, (hits.get(status) ?? 0) + 1);
          }
        }),
      );
      expect((await eve.kube('GET', '/version')).status).toBe(200);
      expect((await ann.kube('GET', '/version')).status).toBe(503);
    } finally {
      await product.query('commit');
    }
    const kept = hits.get(403) ?? 0;
    expect(kept).toBeGreaterThan(4_000);
    expect(hits.get(503)).toBe(16 * 350 - kept);
    const [entry] = await until(async () => {
      const rows = await product.query(
        `select organization_id, details->>'count' as count from audit_entries where action = 'kube:refused'`,
      );
      return rows.length > 0 && rows;
    });
    expect(entry).toMatchObject({ organization_id: ann.organizationId, count: String(16 * 350 - kept + 1) });
  },
);
