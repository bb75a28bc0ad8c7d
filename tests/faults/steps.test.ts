import { readdir, readFile } from 'node:fs/promises';
import { afterAll, beforeEach, expect, test } from 'vitest';
import type { Boundary } from '@hexabase/reconcile/hooks.ts';
import { allCrashPoints } from './crash-points.ts';
import { brokenInvariants } from './invariants.ts';
import { everyStepTwice, productRegistrations } from './registrations.ts';
import { workUntilSettled } from './workers.ts';
import { makeWorld, provoke, type World } from './world.ts';

/** What one test leaves behind is what the next finds, as in life; few share a world, so that what broke it is found. */
const testsPerWorld = 4;

let world: World;
let tests = 0;
beforeEach(async () => {
  if (tests++ % testsPerWorld !== 0) return;
  await world?.[Symbol.asyncDispose]();
  world = await makeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const workflows = [
  ['workspace', 'create'],
  ['workspace', 'clone'],
  ['workspace', 'update'],
  ['workspace', 'sleep'],
  ['workspace', 'wake'],
  ['workspace', 'upgrade'],
  ['workspace', 'delete'],
  ['pool', 'refill'],
  ['pool-member', 'keep'],
  ['pool-member', 'delete'],
  ['project', 'create'],
  ['project', 'update'],
  ['project', 'delete'],
  ['workspace-namespaces', 'sync'],
  ['workspace-access', 'mirror'],
] as const;

const groundOf = ({ cluster, test: { database } }: World) => ({ driver: cluster.driver, database });

const failures = [
  ['before its effect', 'after-intent'],
  ['after its effect', 'after-effect'],
] as const satisfies readonly (readonly [string, Boundary])[];

for (const [words, boundary] of failures) {
  test.each(workflows)(`%s %s: each step may fail once ${words}`, async (kind, workflow) => {
    await provoke(world, { kind, workflow });
    const failed = new Set<string>();
    await workUntilSettled(world, {
      boundary: (at, place) => {
        const name = `${place.kind} ${place.key} ${place.workflow} ${place.step}`;
        if (at !== boundary || failed.has(name)) return;
        failed.add(name);
        throw new Error('a fault that the test injected');
      },
    });
    const steps = productRegistrations(groundOf(world))
      .find((one) => one.kind === kind)
      ?.workflows.find((one) => one.name === workflow)?.steps;
    for (const step of steps ?? [])
      expect(
        [...failed].some((name) => name.endsWith(`${workflow} ${step}`)),
        step,
      ).toBe(true);
    expect(await brokenInvariants(world.test.database, world.cluster)).toEqual([]);
  });
}

test.each(workflows)('%s %s: each step may run twice', async (kind, workflow) => {
  await provoke(world, { kind, workflow });
  await workUntilSettled(world, { twist: everyStepTwice });
  expect(await brokenInvariants(world.test.database, world.cluster)).toEqual([]);
});

test('every workflow of the product is walked through', () => {
  const known = new Set(workflows.map(([kind, workflow]) => `${kind} ${workflow}`));
  const registered = new Set(
    allCrashPoints(productRegistrations(groundOf(world))).map(({ kind, workflow }) => `${kind} ${workflow}`),
  );
  expect(registered).toEqual(known);
});

test('every reconciler of the product is registered here', async () => {
  const features = new URL('../../packages/features/src/', import.meta.url);
  const files = (await readdir(features, { recursive: true })).filter((file) =>
    /reconcile\/[a-z-]+-reconciler\.ts$/.test(file),
  );
  const registrations = await readFile(new URL('./registrations.ts', import.meta.url), 'utf8');
  expect(files.length).toBeGreaterThan(0);
  expect(files.filter((file) => !registrations.includes(`@hexabase/features/${file}`))).toEqual([]);
});
