import { afterAll, beforeAll, describe } from 'vitest';
import { administrationGuarantees } from './administration.ts';
import { copyGuarantees } from './copies.ts';
import type { ConformanceOptions, ConformanceTheme, DriverUnderTest } from './driver-under-test.ts';
import { fenceGuarantees } from './fences.ts';
import { isolationGuarantees } from './isolation.ts';
import { lifecycleGuarantees } from './lifecycle.ts';
import { sceneOf, type Scene } from './scene.ts';
import { userGuarantees } from './users.ts';

/**
 * Everything that the port promises, as tests. Call it in a test file of the driver; a driver that passes unchanged can
 * take the place of any other. The clusters behind it may hold other tenants, which are left alone.
 */
export function driverConformance(name: string, options: ConformanceOptions): void {
  describe(`the cluster driver ${name}`, () => {
    let under: DriverUnderTest | undefined;
    let scene: Scene | undefined;
    beforeAll(async () => {
      under = await options.make();
      scene = sceneOf({
        under,
        settleMs: options.settleMs ?? 10_000,
        parallelTenants: options.parallelTenants ?? 50,
      });
    });
    afterAll(async () => under?.[Symbol.asyncDispose]());
    const current = (): Scene => {
      if (!scene) throw new Error(`the driver ${name} could not be made`);
      return scene;
    };
    const wanted = options.themes;
    for (const [theme, guarantee] of Object.entries(guarantees))
      if (!wanted || wanted.some((one) => one === theme)) guarantee(current);
  });
}

const guarantees: Record<ConformanceTheme, (scene: () => Scene) => void> = {
  lifecycle: lifecycleGuarantees,
  fences: fenceGuarantees,
  administration: administrationGuarantees,
  users: userGuarantees,
  isolation: isolationGuarantees,
  copies: copyGuarantees,
};
