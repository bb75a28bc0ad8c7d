import { allOperations } from '@hexabase/contract/all-operations.ts';
import type { Operation } from '@hexabase/contract/operation.ts';
import { chainAuditEntries } from '@hexabase/features/audit/chain.ts';
import { createUser } from '@hexabase/oidc/users.ts';
import { until } from '@hexabase/testkit/given.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addressIn } from '../address-in.ts';
import { validBody } from '../valid-bodies.ts';
import { capturingLog } from './capturing-log.ts';
import { startProduct, type Attacked, type Tenant } from './start-product.ts';
import { thingsOf } from './things.ts';

/** C10: what people send is secret until somebody decided otherwise. */
let product: Attacked;
let ann: Tenant;
let targets: Record<string, string>;
const { log, lines: logged } = capturingLog();

beforeAll(async () => {
  product = await startProduct(log);
  ann = await product.tenant('ann');
  targets = await thingsOf(product, ann);
});
afterAll(() => product[Symbol.asyncDispose]());

/**
 * Fields of bodies that the audit log tells on purpose, because it could not say what was done without them: what things
 * and people are called. Everything else that is sent stays out of it; whoever adds a field here decides that it may be
 * read for as long as the plan keeps it.
 */
const told = (field: string): boolean => /^\S+ (?:name|email)$/.test(field) || toldToo.has(field);
const toldToo = new Set(['federation.create audience', 'grant.create operator', 'grant.create reason']);

const writes = allOperations().filter(
  ({ operation }) => operation.method !== 'GET' && operation.access.kind !== 'platform',
);

/** A body for each of its texts, with a canary in the place of that text; and one with a canary in a field too many. */
function bodiesWithCanaries(operation: Operation): { body: unknown; field: string; canary: string }[] {
  const whole = operation.body ? validBody(operation, targets) : {};
  const canary = (): string => `canary-${crypto.randomUUID().replaceAll('-', '').slice(0, 20)}`;
  const texts = Object.entries(whole).filter(([, value]) => typeof value === 'string');
  return [
    ...texts.map(([field, value]) => {
      const word = canary();
      const text = String(value).includes('@') ? `${word}@example.test` : word;
      return { field: `${operation.id} ${field}`, canary: word, body: { ...whole, [field]: text } };
    }),
    ...['password', 'token'].map((field) => {
      const word = canary();
      return { field: `${operation.id} ${field}`, canary: word, body: { ...whole, [field]: word } };
    }),
  ];
}

async function everythingKept(): Promise<string> {
  while ((await chainAuditEntries(product.product.database)) > 0);
  const [row] = await product.query('select json_agg(a)::text as log from audit_entries a');
  const exports = await Promise.all(
    ['csv', 'jsonl'].map((format) =>
      ann.call('GET', `/api/v1/organizations/${ann.organizationId}/audit/export?format=${format}`),
    ),
  );
  expect(exports.map((answer) => answer.status)).toEqual([200, 200]);
  return [row?.['log'], ...exports.map((answer) => answer.text), ...logged].join('\n');
}

describe('canaries', () => {
  test('C10 canaries in every body that can be written reach no audit entry, no log and no export', async () => {
    const sent = new Map<string, string>();
    const landed = new Set<string>();
    for (const { operation } of writes) {
      // What takes the organization or the workspace away comes when all others were tried; its body says nothing.
      if (/^(organization|workspace)\.(delete|leave|transfer)$/.test(operation.id)) continue;
      for (const { body, field, canary } of bodiesWithCanaries(operation)) {
        sent.set(canary, field);
        const answer = await ann.call(operation.method, addressIn(operation, targets), body, [
          'Idempotency-Key',
          `canary-key-${canary}`,
          'User-Agent',
          'canaries/1.0',
        ]);
        if (answer.status < 300) landed.add(field);
      }
    }
    expect(sent.size).toBeGreaterThan(60);
    const kept = await everythingKept();
    expect(kept).toContain('canaries/1.0');
    expect(kept).not.toContain('canary-key-');
    const found = [...sent].filter(([canary]) => kept.includes(canary)).map(([, field]) => field);
    expect(found.filter((field) => !told(field))).toEqual([]);
    // Words of both kinds were taken, and those that may be found are: neither is it silent, nor the search blind.
    expect(found.length).toBeGreaterThan(10);
    expect([...landed].filter(told).length).toBeGreaterThan(10);
    expect([...landed].filter((field) => !told(field)).length).toBeGreaterThan(1);
  });

  test('C10 canaries in passwords, codes and tokens of signing in are kept nowhere, nor is a secret that is answered', async () => {
    const password = `canary-pass-${crypto.randomUUID()}`;
    const email = `signs-in-${crypto.randomUUID().slice(0, 8)}@example.test`;
    await product.product.database.asIdentity((tx) =>
      createUser(tx, { email, displayName: 'S', password }, Date.now()),
    );
    const form = (path: string, body: object) => product.send({ method: 'POST', path, body });
    const wrong = `canary-wrong-${crypto.randomUUID()}`;
    expect((await form('/auth/login', { email, password: wrong })).status).toBe(401);
    expect((await form('/auth/login', { email: `${wrong}@example.test`, password })).status).toBe(401);
    const signedIn = await form('/auth/login', { email, password });
    expect(signedIn.status).toBe(200);
    const { access_token: access, refresh_token: refresh } = signedIn.json as Record<string, string>;
    const body = { name: 'ci', scope: 'read', expires: '1d' };
    const made = await product.send({ method: 'POST', path: '/api/v1/tokens', token: access ?? '', body });
    expect(made.status).toBe(201);
    const apiToken = String(made.json['data'].token);
    await product.send({ method: 'GET', path: '/api/v1/plans', token: apiToken });
    const device = await form('/auth/device', { client_id: 'hks' });
    const code = `hksc_${'x'.repeat(43)}`;
    const redeemed = {
      grant_type: 'authorization_code',
      client_id: 'hks',
      redirect_uri: 'http://127.0.0.1:1/callback',
      code,
      code_verifier: `canary-verifier-${'v'.repeat(40)}`,
    };
    await form('/auth/token', redeemed);
    const again = await form('/auth/refresh', { refresh_token: refresh });
    await form('/auth/refresh', { refresh_token: refresh });
    const secrets = [
      password,
      wrong,
      access,
      refresh,
      apiToken,
      device.json['device_code'],
      device.json['user_code'],
      code,
      redeemed.code_verifier,
      again.json['access_token'],
      again.json['refresh_token'],
      ann.kubeToken,
    ];
    const kept = await everythingKept();
    for (const secret of secrets) {
      expect(typeof secret === 'string' && secret.length > 7).toBe(true);
      expect(kept).not.toContain(secret);
    }
  });

  test('C10 canaries in objects, queries and commands for a cluster are not kept; what was asked of it is told', async () => {
    const canary = `canary-${crypto.randomUUID()}`;
    const agent = ['User-Agent', 'kubectl/v1.34.0'];
    const ask = (method: string, path: string, body?: object) =>
      product.kube(ann.workspaceId, { method, path, token: ann.kubeToken, body, headers: agent });
    const secret = { metadata: { name: 'db' }, stringData: { password: canary } };
    expect((await ask('POST', '/api/v1/namespaces/default/secrets', secret)).status).toBe(201);
    await ask('GET', `/api/v1/namespaces/default/pods?labelSelector=x%3D${canary.slice(0, 30)}`);
    await ask('POST', `/api/v1/namespaces/default/pods/p/exec?command=${canary}`);
    expect((await ask('GET', '/apis/apps/v1/namespaces/default/deployments/none/scale')).status).toBe(404);
    const rows = async () =>
      product.query(
        `select action, outcome, agent, address, workspace_id, details from audit_entries
         where agent = 'kubectl/v1.34.0' order by id`,
      );
    await until(async () => (await rows()).length >= 4);
    const kept = await everythingKept();
    expect(kept).not.toContain(canary.slice(0, 30));
    const asked = await rows();
    const [created] = asked;
    const scale = asked.find((row) => row['details'].resource?.startsWith('deployments'));
    expect(created).toMatchObject({
      action: 'kube:create',
      outcome: 'allowed',
      workspace_id: ann.workspaceId,
      details: { resource: 'secrets', namespace: 'default', status: 201 },
    });
    expect(created?.['address']).toMatch(/^(::ffff:)?127\.0\.0\.1$|^::1$/);
    expect(scale).toMatchObject({
      action: 'kube:get',
      outcome: 'failed',
      details: { resource: 'deployments.apps/scale', namespace: 'default', name: 'none', status: 404 },
    });
  });
});
