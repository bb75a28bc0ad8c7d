import { describe, expect, it } from 'vitest';
import type { TenantResponse } from '../port.ts';
import type { Scene } from './scene.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';

/** Reconcilers speak to a tenant as administrators, one request at a time. */
export function administrationGuarantees(scene: () => Scene): void {
  describe('the administrator’s client', () => {
    it('creates, reads, changes, lists and deletes, and answers status and JSON', async () => {
      const { driver, readyTenant, call, ask } = scene();
      const id = await readyTenant();
      const made = await ask(id, 'POST', configMaps, configMap('settings', 'one'));
      expect(shape(made)).toEqual([201, 'ConfigMap']);
      expect(made.body).toMatchObject({
        metadata: { name: 'settings', namespace: 'default' },
        data: { value: 'one' },
      });
      const patched = await driver.tenantClient(id).request({
        method: 'PATCH',
        path: `${configMaps}/settings`,
        contentType: 'application/merge-patch+json',
        body: { data: { value: 'two' } },
        ...call(),
      });
      expect(patched).toMatchObject({ status: 200, body: { data: { value: 'two' } } });
      const replaced = await ask(id, 'PUT', `${configMaps}/settings`, configMap('settings', 'three'));
      expect(replaced).toMatchObject({ status: 200, body: { data: { value: 'three' } } });
      const listed = await ask(id, 'GET', `${configMaps}?fieldSelector=metadata.name%3Dsettings`);
      expect(listed).toMatchObject({
        status: 200,
        body: { kind: 'ConfigMapList', items: [{ data: { value: 'three' } }] },
      });
      expect((await ask(id, 'DELETE', `${configMaps}/settings`)).status).toBe(200);
      expect(shape(await ask(id, 'GET', `${configMaps}/settings`))).toEqual([404, 'Status']);
    });

    it('answers refusals as they are instead of throwing', async () => {
      const { readyTenant, ask } = scene();
      const id = await readyTenant();
      await ask(id, 'POST', configMaps, configMap('taken', 'one'));
      expect(await ask(id, 'POST', configMaps, configMap('taken', 'two'))).toMatchObject({
        status: 409,
        body: { reason: 'AlreadyExists' },
      });
      expect(await ask(id, 'POST', configMaps, configMap('Not A Name', 'x'))).toMatchObject({
        status: 422,
        body: { reason: 'Invalid' },
      });
      expect(
        (await ask(id, 'POST', '/api/v1/namespaces/absent/configmaps', configMap('x', 'x'))).status,
      ).toBe(404);
      expect((await ask(id, 'GET', '/apis/none.example/v1/things')).status).toBe(404);
      const stale = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: 'another' } };
      expect((await ask(id, 'DELETE', `${configMaps}/taken`, stale)).status).toBe(409);
    });

    it('may give roles, which users may not', async () => {
      const { readyTenant, ask } = scene();
      const id = await readyTenant();
      const binding = {
        metadata: { name: 'conformance' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'hexabase:ws-admins' }],
      };
      expect(
        (await ask(id, 'POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', binding)).status,
      ).toBe(201);
    });

    it('gives up when it is told to', async () => {
      const { driver, readyTenant } = scene();
      const client = driver.tenantClient(await readyTenant());
      const aborted = AbortSignal.abort(new Error('given up'));
      await expect(
        client.request({ method: 'POST', path: configMaps, body: configMap('never', 'x'), signal: aborted }),
      ).rejects.toThrow('given up');
      expect((await client.request({ method: 'GET', path: `${configMaps}/never` })).status).toBe(404);
    });

    it('finds no cluster where there is none', async () => {
      const { readyTenant, removeWhole, ask } = scene();
      const id = await readyTenant();
      await removeWhole(id, 10);
      expect((await ask(id, 'POST', '/api/v1/namespaces', { metadata: { name: 'late' } })).status).toBe(404);
    });
  });
}

function configMap(name: string, value: string) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { value } };
}

function shape({ status, body }: TenantResponse): [number, unknown] {
  return [status, typeof body === 'object' && body !== null && 'kind' in body ? body.kind : typeof body];
}
