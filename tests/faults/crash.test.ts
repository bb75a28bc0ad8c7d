import { afterAll, beforeEach, expect, test } from 'vitest';
import { allCrashPoints, pointName, type CrashPoint } from './crash-points.ts';
import { brokenInvariants } from './invariants.ts';
import { noGround, productRegistrations } from './registrations.ts';
import { rotatingSeed, runsAll } from './rotating-seed.ts';
import { crashWorker, letLeasesEnd, workUntilSettled } from './workers.ts';
import { makeWorld, provoke, type World } from './world.ts';

/** What one test leaves behind is what the next finds, as in life; now and then the world is new, to keep checks short. */
const testsPerWorld = 15;

/** After some eight minutes the slow resync comes to what is settled, and waiting for rest would wait for that. */
const worldMsMax = 180_000;

let world: World | null = null;
let tests = 0;
let madeMs = 0;
beforeEach(async () => {
  if (world && tests++ % testsPerWorld !== 0 && performance.now() - madeMs < worldMsMax) return;
  await world?.[Symbol.asyncDispose]();
  world = await makeWorld();
  madeMs = performance.now();
});
afterAll(() => world?.[Symbol.asyncDispose]());

async function crashAndRecover(crashes: readonly CrashPoint[]): Promise<string[]> {
  const [first] = crashes;
  if (!world || !first) throw new Error('nothing to crash');
  await provoke(world, first);
  for (const crash of crashes) {
    await crashWorker(world, crash);
    await letLeasesEnd(world);
  }
  await workUntilSettled(world);
  return brokenInvariants(world.test.database, world.cluster);
}

const points = allCrashPoints(productRegistrations(noGround));

test('there is something to crash', () => {
  expect(points.length).toBeGreaterThan(100);
});

/** Every step is crashed in every run, at one of its boundaries or two; the others have their turn on another day. */
const parts = 4;
const seed = rotatingSeed(parts);
const ofToday = points.filter((_, index) => runsAll || index % parts === seed);

test.each(ofToday.map((point) => [pointName(point), point] as const))(
  `HKS_TEST_SEED=${seed}: a kill at %s loses and leaks nothing`,
  async (_name, point) => {
    expect(await crashAndRecover([point])).toEqual([]);
  },
);

/** A recovery may be killed as well; each of these dies again in the last step of its workflow. */
const pairs = ofToday
  .filter((point, index) => index % (runsAll ? 14 : 7) === 0 && leavesTheLastStep(point))
  .map((point): [string, CrashPoint] => [pointName(point), point]);

test.each(pairs)('a second kill while recovering from one at %s changes nothing', async (_name, point) => {
  expect(
    await crashAndRecover([point, { ...point, step: lastStep(point), boundary: 'before-commit' }]),
  ).toEqual([]);
});

/** The ends of the last steps are written in one transaction, so after that of one of them all may be done. */
function leavesTheLastStep({ kind, workflow, step, boundary }: CrashPoint): boolean {
  const all = points.filter((point) => point.kind === kind && point.workflow === workflow);
  const steps = [...new Set(all.map((point) => point.step))];
  const left = steps.length - 1 - steps.indexOf(step);
  return left > (boundary === 'after-commit' ? 2 : 0);
}

function lastStep(point: CrashPoint): string {
  return (
    points.filter(({ kind, workflow }) => kind === point.kind && workflow === point.workflow).at(-1)?.step ??
    point.step
  );
}
