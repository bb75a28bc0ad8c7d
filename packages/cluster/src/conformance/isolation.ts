import { describe, expect, it } from 'vitest';
import { tenantSpec, type Scene } from './scene.ts';

const ann = { username: 'hexabase:ann@example.test', groups: ['hexabase:ws-admins'] };

/** Many tenants live side by side, know nothing of each other and outlive the process. */
export function isolationGuarantees(scene: () => Scene): void {
  describe('two tenants', () => {
    it('never see each other’s objects, also of the same name', async () => {
      const { readyTenant, ask } = scene();
      const [one, two] = await Promise.all([readyTenant(), readyTenant()]);
      for (const [id, value] of [
        [one, 'of one'],
        [two, 'of two'],
      ] as const) {
        await ask(id, 'POST', '/api/v1/namespaces', { metadata: { name: 'shop' } });
        await ask(id, 'POST', '/api/v1/namespaces/shop/configmaps', {
          metadata: { name: 'settings' },
          data: { value },
        });
      }
      await ask(one, 'POST', '/api/v1/namespaces', { metadata: { name: 'only-one' } });
      expect((await ask(two, 'GET', '/api/v1/namespaces/only-one')).status).toBe(404);
      expect(JSON.stringify((await ask(two, 'GET', '/api/v1/configmaps')).body)).not.toContain('of one');
      expect((await ask(one, 'DELETE', '/api/v1/namespaces/shop/configmaps/settings')).status).toBe(200);
      expect(await ask(two, 'GET', '/api/v1/namespaces/shop/configmaps/settings')).toMatchObject({
        status: 200,
        body: { data: { value: 'of two' } },
      });
    });

    it('take no token of each other', async () => {
      const { readyTenant, doorOf } = scene();
      const [one, two] = await Promise.all([readyTenant(), readyTenant()]);
      await using doorOfOne = await doorOf(one, ann);
      await using doorOfTwo = await doorOf(two, ann);
      const tokenOfOne = await scene().tokenOf(one, ann);
      expect((await doorOfOne.send({ path: '/version', token: tokenOfOne })).status).toBe(200);
      expect((await doorOfTwo.send({ path: '/version', token: tokenOfOne })).status).toBe(401);
    });

    it('go alone: removing one leaves the other as it is', async () => {
      const { readyTenant, ask, removeWhole, untilReady } = scene();
      const [one, two] = await Promise.all([readyTenant(), readyTenant()]);
      const { uid } = await untilReady(two);
      await ask(two, 'POST', '/api/v1/namespaces', { metadata: { name: 'kept' } });
      await removeWhole(one, 10);
      expect((await untilReady(two)).uid).toBe(uid);
      expect((await ask(two, 'GET', '/api/v1/namespaces/kept')).status).toBe(200);
    });
  });

  describe('all tenants', () => {
    it('are listed with their uid while they are there', async () => {
      const { driver, call, readyTenant, removeWhole, untilReady } = scene();
      const [one, two] = await Promise.all([readyTenant(), readyTenant()]);
      const { uid } = await untilReady(one);
      const before = await driver.listTenants(call());
      expect(before).toContainEqual({ workspaceId: one, uid });
      expect(new Set(before.map(({ workspaceId }) => workspaceId)).size).toBe(before.length);
      await removeWhole(one, 10);
      const after = (await driver.listTenants(call())).map(({ workspaceId }) => workspaceId);
      expect(after).not.toContain(one);
      expect(after).toContain(two);
    });

    it('that are asked for at the same time all become ready, each with a uid of its own', async () => {
      const { driver, call, untilReady, removeWhole, parallelTenants } = scene();
      const specs = Array.from({ length: parallelTenants }, () => tenantSpec());
      await Promise.all(specs.map((spec) => driver.ensureTenant(spec, call())));
      const states = await Promise.all(specs.map(({ workspaceId }) => untilReady(workspaceId)));
      expect(new Set(states.map(({ uid }) => uid)).size).toBe(parallelTenants);
      await Promise.all(specs.map(({ workspaceId }) => removeWhole(workspaceId, 10)));
      const left = new Set((await driver.listTenants(call())).map(({ workspaceId }) => workspaceId));
      expect(specs.filter(({ workspaceId }) => left.has(workspaceId))).toEqual([]);
    });

    it('are still there after a restart of the driver, with everything in them', async () => {
      const { readyTenant, ask, restart, untilReady } = scene();
      const id = await readyTenant();
      const { uid } = await untilReady(id);
      await ask(id, 'POST', '/api/v1/namespaces', { metadata: { name: 'kept' } });
      await restart();
      expect((await untilReady(id)).uid).toBe(uid);
      expect((await ask(id, 'GET', '/api/v1/namespaces/kept')).status).toBe(200);
      expect((await ask(id, 'POST', '/api/v1/namespaces', { metadata: { name: 'later' } })).status).toBe(201);
    });
  });
}
