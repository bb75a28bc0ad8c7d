import { describe, expect, it } from 'vitest';
import { FencedError } from '../port.ts';
import { tenantSpec, type Scene } from './scene.ts';

/** A worker that was replaced changes nothing any more, however late its calls arrive. */
export function fenceGuarantees(scene: () => Scene): void {
  describe('a worker that was replaced', () => {
    it('cannot change a tenant, and its try changes nothing', async () => {
      const { driver, call, untilReady } = scene();
      const spec = tenantSpec({ fence: 7, generation: 2 });
      await driver.ensureTenant(spec, call());
      const before = await untilReady(spec.workspaceId, 2);
      await expect(driver.ensureTenant({ ...spec, fence: 6, generation: 1 }, call())).rejects.toBeInstanceOf(
        FencedError,
      );
      expect(await driver.observeTenant(spec.workspaceId, call())).toEqual(before);
    });

    it('cannot remove a tenant', async () => {
      const { driver, call, readyTenant } = scene();
      const id = await readyTenant();
      await expect(driver.removeTenant(id, 9, call())).rejects.toBeInstanceOf(FencedError);
      expect(await driver.observeTenant(id, call())).toMatchObject({ kind: 'present' });
    });

    it('is known also when the newer one found nothing to change', async () => {
      const { driver, call, untilReady } = scene();
      const spec = tenantSpec({ fence: 7 });
      await driver.ensureTenant(spec, call());
      await driver.ensureTenant({ ...spec, fence: 8 }, call());
      await untilReady(spec.workspaceId);
      await expect(driver.ensureTenant(spec, call())).rejects.toBeInstanceOf(FencedError);
      await expect(driver.removeTenant(spec.workspaceId, 7, call())).rejects.toBeInstanceOf(FencedError);
    });

    it('cannot make a tenant again that a newer one removed, not even after a restart', async () => {
      const { call, readyTenant, removeWhole, restart } = scene();
      const id = await readyTenant();
      await removeWhole(id, 20);
      const late = tenantSpec({ workspaceId: id, fence: 10 });
      await expect(scene().driver.ensureTenant(late, call())).rejects.toBeInstanceOf(FencedError);
      await restart();
      await expect(scene().driver.ensureTenant(late, call())).rejects.toBeInstanceOf(FencedError);
      expect(await scene().driver.observeTenant(id, call())).toEqual({ kind: 'absent' });
    });

    it('cannot make a tenant that a newer one removed before it was ever there', async () => {
      const { driver, call } = scene();
      const spec = tenantSpec({ fence: 3 });
      await driver.removeTenant(spec.workspaceId, 4, call());
      await expect(driver.ensureTenant(spec, call())).rejects.toBeInstanceOf(FencedError);
      expect(await driver.observeTenant(spec.workspaceId, call())).toEqual({ kind: 'absent' });
    });

    it('loses every race: the newest of many at once has the last word', async () => {
      const { driver, call, untilReady } = scene();
      const { workspaceId } = tenantSpec();
      const fences = [4, 9, 1, 7, 2, 8, 3, 6, 5];
      await Promise.allSettled(
        fences.map((fence) =>
          driver.ensureTenant(tenantSpec({ workspaceId, fence, generation: fence }), call()),
        ),
      );
      expect((await untilReady(workspaceId, 9)).generation).toBe(9);
    });
  });

  it('the worker that holds the lease may repeat each call', async () => {
    const { driver, call, readyTenant, removeWhole } = scene();
    const id = await readyTenant();
    await driver.ensureTenant(tenantSpec({ workspaceId: id }), call());
    await removeWhole(id, 10);
    expect(await driver.removeTenant(id, 10, call())).toMatchObject({ removed: [], left: [] });
  });
}
