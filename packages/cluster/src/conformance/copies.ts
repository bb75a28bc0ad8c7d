import { describe, expect, it } from 'vitest';
import { newId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import type { ContentPart, CopiedObject } from '../copy/content.ts';
import type { TenantClient } from '../port.ts';
import { readContent } from '../copy/read-content.ts';
import { writePart } from '../copy/write-content.ts';
import { eventually, tenantSpec, type Scene } from './scene.ts';
import { thingsToCopy } from './things-to-copy.ts';

const nobody = { username: 'hexabase:eve@example.test', groups: ['hexabase:ws-members'] };

/** What a tenant holds can be made in another one; for drivers that say so. */
export function copyGuarantees(scene: () => Scene): void {
  describe('a copy', () => {
    it('has what the source had and nobody’s rights, can be begun again, and the source has not noticed', async () => {
      const { driver, readyTenant } = scene();
      if (!(await driver.copying?.(newId<'Workspace'>()))) return;
      const pair = { source: await readyTenant(), target: await readyTenant() };
      await fill(scene(), pair.source);
      const before = await revisionsIn(scene(), pair.source);
      const content = await read(scene(), pair.source);
      await write(scene(), pair.target, content);
      await expectWhole(scene(), pair);
      await expectNoRights(scene(), pair);
      await expectNoTokens(scene(), pair);
      await expectAgain(scene(), pair, content);
      expect(await revisionsIn(scene(), pair.source)).toEqual(before);
    });

    it('is of one moment for all kinds, also when something is written between two of them', async () => {
      const { driver, readyTenant, ask, call } = scene();
      if (!(await driver.copying?.(newId<'Workspace'>()))) return;
      const source = await readyTenant();
      const paths = ['secrets', 'configmaps'].map((plural) => `/api/v1/namespaces/default/${plural}`);
      const turn = (at: number) => ({ metadata: { name: 'pair', annotations: { turn: String(at) } } });
      for (const path of paths) await ask(source, 'POST', path, turn(0));
      let turns = 0;
      const client: TenantClient = {
        async request(request) {
          const answer = await driver.tenantClient(source).request(request);
          if (!/^\/api\/v1\/(secrets|configmaps)\?/.test(request.path)) return answer;
          turns++;
          for (const path of paths) await ask(source, 'PUT', `${path}/pair`, turn(turns));
          return answer;
        },
      };
      const objects = objectsOf(await readAll(client, call().signal));
      expect(turns).toBeGreaterThanOrEqual(2);
      const pairs = objects.filter(({ object }) => object.metadata.name === 'pair');
      expect(
        pairs.map(({ object }) => [object.kind, Object(object.metadata).annotations.turn]).sort(),
      ).toEqual([
        ['ConfigMap', '0'],
        ['Secret', '0'],
      ]);
    });

    it('can be taken of a sleeping tenant where the driver says so', async ({ skip }) => {
      const { driver, call, untilReady } = scene();
      const spec = tenantSpec();
      if (!(await driver.copying?.(spec.workspaceId))?.whileAsleep)
        return skip('the driver copies only what is awake');
      await driver.ensureTenant(spec, call());
      await untilReady(spec.workspaceId);
      await fill(scene(), spec.workspaceId);
      await driver.ensureTenant({ ...spec, generation: 2, asleep: true }, call());
      await eventually(60_000, async () => {
        const state = await driver.observeTenant(spec.workspaceId, call());
        return state.kind === 'present' && state.asleep;
      });
      const objects = objectsOf(await read(scene(), spec.workspaceId));
      expect(objects.map(({ object }) => object.metadata.name)).toContain('settings');
    });
  });
}

interface Pair {
  source: WorkspaceId;
  target: WorkspaceId;
}

const shop = '/api/v1/namespaces/shop';

async function expectWhole({ ask }: Scene, { source, target }: Pair): Promise<void> {
  const there = async (path: string) => (await ask(target, 'GET', path)).body;
  expect(await there(shop)).toMatchObject({ metadata: { labels: { team: 'blue' } } });
  expect(JSON.stringify(await there(shop))).not.toContain('of-the-source');
  expect(await there(`${shop}/configmaps/settings`)).toMatchObject({ data: { colour: 'red' } });
  expect(await there(`${shop}/secrets/password`)).toMatchObject({ data: { word: 'c2VjcmV0' } });
  expect(await there('/apis/apps/v1/namespaces/shop/deployments/web')).toMatchObject({
    spec: { replicas: 1 },
  });
  expect(await there('/apis/batch/v1/namespaces/shop/cronjobs/nightly')).toMatchObject({
    spec: { schedule: '0 3 * * *' },
  });
  expect(await there(`${shop}/persistentvolumeclaims/data`)).toMatchObject({
    spec: { resources: { requests: { storage: '1Gi' } } },
  });
  const service = `${shop}/services/web`;
  const [was, is] = [await ask(source, 'GET', service), await ask(target, 'GET', service)].map(({ body }) =>
    identityOf(body),
  );
  expect(is).not.toBe('');
  expect(is).not.toBe(was);
}

async function expectNoRights({ ask }: Scene, { target }: Pair): Promise<void> {
  const path = '/apis/rbac.authorization.k8s.io/v1/namespaces/shop/rolebindings';
  expect((await ask(target, 'GET', `${path}/reader`)).body).toMatchObject({
    subjects: [{ kind: 'ServiceAccount', name: 'robot', namespace: 'shop' }],
  });
  expect((await ask(target, 'GET', `${path}/people`)).status).toBe(404);
  expect(JSON.stringify((await ask(target, 'GET', path)).body)).not.toContain('ann@example.test');
}

async function expectNoTokens(scene: Scene, { source, target }: Pair): Promise<void> {
  const kept = await scene.ask(target, 'GET', `${shop}/secrets/robot-token`);
  expect(JSON.stringify(kept.body)).not.toContain('c291cmNlLXRva2Vu');
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
  const robot = `${shop}/serviceaccounts/robot`;
  const minted = await scene.ask(source, 'POST', `${robot}/token`, request);
  // The embedded driver mints none.
  if (minted.status !== 201) return;
  const bearer = { path: robot, token: String(Object(minted.body).status.token) };
  await using ofSource = await scene.doorOf(source, nobody);
  await using ofTarget = await scene.doorOf(target, nobody);
  expect((await ofSource.send(bearer)).status).toBe(403);
  expect((await ofTarget.send(bearer)).status).toBe(401);
}

/** After a crash everything may be written once more; and who applied something goes on without a conflict. */
async function expectAgain(scene: Scene, { target }: Pair, content: readonly ContentPart[]): Promise<void> {
  const { ask, driver, call } = scene;
  const uid = identityOf((await ask(target, 'GET', shop)).body);
  await write(scene, target, content);
  expect(identityOf((await ask(target, 'GET', shop)).body)).toBe(uid);
  const applied = await driver.tenantClient(target).request({
    method: 'PATCH',
    path: `${shop}/configmaps/applied?fieldManager=pipeline`,
    contentType: 'application/apply-patch+yaml',
    body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'applied' }, data: { turn: 'second' } },
    ...call(),
  });
  expect(applied).toMatchObject({ status: 200, body: { data: { turn: 'second' } } });
  const owner = await ask(target, 'GET', `${shop}/configmaps/settings`);
  expect((await ask(target, 'GET', `${shop}/configmaps/owned`)).body).toMatchObject({
    metadata: { ownerReferences: [{ name: 'settings', uid: identityOf(owner.body) }] },
  });
}

function read({ driver, call }: Scene, id: WorkspaceId): Promise<ContentPart[]> {
  return readAll(driver.tenantClient(id), call().signal);
}

async function readAll(client: TenantClient, signal: AbortSignal): Promise<ContentPart[]> {
  const pack = async (text: string) => text;
  const { parts } = await readContent({ client, signal, pack, packedCharactersMax: Infinity });
  return parts.map((text): ContentPart => JSON.parse(text));
}

function objectsOf(parts: readonly ContentPart[]): CopiedObject[] {
  return parts.flatMap((part) => ('objects' in part ? part.objects : []));
}

async function write({ driver, call }: Scene, id: WorkspaceId, parts: readonly ContentPart[]): Promise<void> {
  for (const part of parts) await writePart({ client: driver.tenantClient(id), ...call() }, part);
}

async function fill({ driver, ask, call }: Scene, id: WorkspaceId): Promise<void> {
  for (const [path, body] of thingsToCopy) {
    const { status, body: said } = await ask(id, 'POST', path, body);
    expect([path, status, status === 201 ? '' : said]).toEqual([path, 201, '']);
  }
  await driver.tenantClient(id).request({
    method: 'PATCH',
    path: '/api/v1/namespaces/shop/configmaps/applied?fieldManager=pipeline',
    contentType: 'application/apply-patch+yaml',
    body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'applied' }, data: { turn: 'first' } },
    ...call(),
  });
  const settings = await ask(id, 'GET', '/api/v1/namespaces/shop/configmaps/settings');
  const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'settings', uid: identityOf(settings.body) };
  const owned = { metadata: { name: 'owned', ownerReferences: [owner] } };
  expect((await ask(id, 'POST', '/api/v1/namespaces/shop/configmaps', owned)).status).toBe(201);
}

/** Of what nobody but people changes. */
async function revisionsIn({ ask }: Scene, id: WorkspaceId): Promise<unknown> {
  const kinds = ['configmaps', 'secrets', 'services'].map(async (kind) => {
    const { body } = await ask(id, 'GET', `/api/v1/namespaces/shop/${kind}`);
    return JSON.stringify(body)
      .match(/"resourceVersion":"\d+"/g)
      ?.slice(1);
  });
  return Promise.all(kinds);
}

function identityOf(object: unknown): string {
  return String(Object(Object(object).metadata).uid ?? '');
}
