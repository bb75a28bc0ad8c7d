import { describe, expect, it } from 'vitest';
import { newId } from '@hexabase/kernel/id.ts';
import { eventually, tenantSpec, type Scene } from './scene.ts';

const asleepWithinMs = 60_000;

/** A tenant comes into being, changes and goes, whatever is repeated, raced or given up on the way. */
export function lifecycleGuarantees(scene: () => Scene): void {
  describe('a tenant', () => {
    it('is absent before it is asked for, then present, then ready', async () => {
      const { driver, call, untilReady } = scene();
      const spec = tenantSpec();
      expect(await driver.observeTenant(spec.workspaceId, call())).toEqual({ kind: 'absent' });
      await driver.ensureTenant(spec, call());
      expect(await driver.observeTenant(spec.workspaceId, call())).toMatchObject({ kind: 'present' });
      const ready = await untilReady(spec.workspaceId);
      expect(ready).toMatchObject({ ready: true, generation: 1 });
      expect(ready.uid).not.toBe('');
    });

    it('is the same when it is asked for again, and when many ask at once', async () => {
      const { driver, call, untilReady, ask } = scene();
      const spec = tenantSpec();
      await Promise.all(Array.from({ length: 8 }, () => driver.ensureTenant(spec, call())));
      const { uid } = await untilReady(spec.workspaceId);
      await ask(spec.workspaceId, 'POST', '/api/v1/namespaces', { metadata: { name: 'kept' } });
      await driver.ensureTenant(spec, call());
      expect((await untilReady(spec.workspaceId)).uid).toBe(uid);
      expect((await ask(spec.workspaceId, 'GET', '/api/v1/namespaces/kept')).status).toBe(200);
    });

    it('takes a new generation and size, and stays itself', async () => {
      const { driver, call, untilReady, ask } = scene();
      const spec = tenantSpec();
      await driver.ensureTenant(spec, call());
      const before = await untilReady(spec.workspaceId);
      await ask(spec.workspaceId, 'POST', '/api/v1/namespaces', { metadata: { name: 'kept' } });
      const size = { ...spec.size, cpuMilli: spec.size.cpuMilli * 2 };
      await driver.ensureTenant({ ...spec, generation: 2, fence: 11, size }, call());
      const after = await untilReady(spec.workspaceId, 2);
      expect(after).toMatchObject({ generation: 2, uid: before.uid });
      expect((await ask(spec.workspaceId, 'GET', '/api/v1/namespaces/kept')).status).toBe(200);
    });

    it('sleeps and says so, and wakes as the same with everything in it', async () => {
      const { driver, call, untilReady, ask } = scene();
      const spec = tenantSpec();
      await driver.ensureTenant(spec, call());
      const { uid } = await untilReady(spec.workspaceId);
      await ask(spec.workspaceId, 'POST', '/api/v1/namespaces', { metadata: { name: 'kept' } });
      await driver.ensureTenant({ ...spec, generation: 2, asleep: true }, call());
      const asleep = await eventually(asleepWithinMs, async () => {
        const state = await driver.observeTenant(spec.workspaceId, call());
        return state.kind === 'present' && state.asleep && !state.ready ? state : null;
      });
      expect(asleep).toMatchObject({ uid, generation: 2 });
      expect((await driver.listTenants(call())).map(({ workspaceId }) => workspaceId)).toContain(
        spec.workspaceId,
      );
      await driver.ensureTenant({ ...spec, generation: 3 }, call());
      expect(await untilReady(spec.workspaceId, 3)).toMatchObject({ uid, asleep: false });
      expect((await ask(spec.workspaceId, 'GET', '/api/v1/namespaces/kept')).status).toBe(200);
    });

    it('says which Kubernetes answers, one of those that it can have', async () => {
      const { driver, readyTenant, untilReady } = scene();
      const id = await readyTenant();
      const { kubernetesVersion } = await untilReady(id);
      expect(kubernetesVersion).toMatch(/^v1\.\d+\.\d+/);
      const minors = (await driver.kubernetesVersions?.(id)) ?? [];
      if (minors.length > 0) expect(minors.map((minor) => `v${minor}`)).toContain(minorOf(kubernetesVersion));
    });

    it('is gone after its removal, which says what it removed; the next one finds nothing', async () => {
      const { driver, call, readyTenant, removeWhole, ask } = scene();
      const id = await readyTenant();
      const removed = await removeWhole(id, 10);
      expect(removed.length).toBeGreaterThan(0);
      expect(removed.every(({ kind, key }) => kind !== '' && key.includes(id))).toBe(true);
      expect(await driver.observeTenant(id, call())).toEqual({ kind: 'absent' });
      expect(await driver.removeTenant(id, 10, call())).toMatchObject({ removed: [], left: [] });
      expect((await ask(id, 'GET', '/api/v1/namespaces')).status).toBe(404);
    });

    it('that never was can be removed, and nothing was there', async () => {
      const { driver, call } = scene();
      expect(await driver.removeTenant(newId<'Workspace'>(), 1, call())).toMatchObject({
        removed: [],
        left: [],
      });
    });

    it('that was lost is not made anew while it is meant, and made anew has nothing of the old one', async () => {
      const { driver, call, readyTenant, removeWhole, untilReady, ask } = scene();
      const id = await readyTenant();
      const { uid } = await untilReady(id);
      await ask(id, 'POST', '/api/v1/namespaces', { metadata: { name: 'old' } });
      await removeWhole(id, 11);
      const anew = tenantSpec({ workspaceId: id, fence: 12 });
      const lost = { reason: 'TenantLost', message: expect.stringContaining('is not there any more') };
      await expect(driver.ensureTenant({ ...anew, uid }, call())).rejects.toMatchObject(lost);
      expect(await driver.observeTenant(id, call())).toEqual({ kind: 'absent' });
      await driver.ensureTenant(anew, call());
      const made = await untilReady(id);
      expect(made.uid).not.toBe(uid);
      expect((await ask(id, 'GET', '/api/v1/namespaces/old')).status).toBe(404);
      const other = { reason: 'TenantLost', message: expect.stringContaining('not the one that was made') };
      await expect(driver.ensureTenant({ ...anew, uid }, call())).rejects.toMatchObject(other);
      await driver.ensureTenant({ ...anew, uid: made.uid }, call());
    });

    it('is not touched by a call that was given up before it began', async () => {
      const { driver, call, readyTenant } = scene();
      const given = { signal: AbortSignal.abort(new Error('given up')) };
      const spec = tenantSpec();
      await expect(driver.ensureTenant(spec, given)).rejects.toThrow('given up');
      expect(await driver.observeTenant(spec.workspaceId, call())).toEqual({ kind: 'absent' });
      const id = await readyTenant();
      await expect(driver.removeTenant(id, 10, given)).rejects.toThrow('given up');
      await expect(driver.observeTenant(id, given)).rejects.toThrow('given up');
      await expect(driver.listTenants(given)).rejects.toThrow('given up');
      expect(await driver.observeTenant(id, call())).toMatchObject({ kind: 'present' });
    });
  });
}

function minorOf(version: string | null): string {
  return (version ?? '').split('.').slice(0, 2).join('.');
}
