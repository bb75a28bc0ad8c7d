import { join, resolve } from 'node:path';
import { createVitest, type TestCase, type Vitest } from 'vitest/node';
import { namedTests } from '../catalogue/named-tests.ts';
import type { Weakening } from './weakening.ts';

const root = resolve(import.meta.dirname, '../../..');
/** After this a test that waits is said to wait for ever. */
const hangMs = 60_000;

/** What became of one attack on the product that was weakened for it. */
export interface Bite {
  weakening: Weakening;
  /** The attack got through: its test failed, on a product that had started. */
  bites: boolean;
  /** First line of what the test said, or why it was not run. */
  said: string;
  seconds: number;
}

export interface Biter extends AsyncDisposable {
  bite(weakening: Weakening): Promise<Bite>;
}

/** The plugin's part of the types of vite, which is no dependency of ours. */
interface Plugin {
  name: string;
  enforce: 'pre';
  transform(code: string, id: string): { code: string; map: null } | undefined;
}

/**
 * Runs attacks one after another, each in a process' thread of its own with a product of its own, whose sources are
 * changed as they are loaded. Nothing of this is known to the product. What needs no change stays loaded between runs.
 */
export async function startBiting(): Promise<Biter> {
  let current: Weakening | null = null;
  const changed = new Set<string>();
  const isChanged = (id: string): boolean =>
    current?.changes.some(({ file }) => pathOf(id) === join(root, file)) ?? false;
  const plugin: Plugin = {
    name: 'weaken',
    enforce: 'pre',
    transform(code, id) {
      if (current === null || !isChanged(id)) return undefined;
      changed.add(pathOf(id));
      return { code: weakened(code, pathOf(id), current), map: null };
    },
  };
  const vitest = await createVitest(
    // A cache on disk would bring changed sources into other runs.
    {
      root,
      run: true,
      watch: false,
      reporters: [{}],
      maxWorkers: 1,
      fsModuleCache: false,
      testTimeout: hangMs,
    },
    { plugins: [plugin] },
  );
  return {
    async bite(weakening) {
      const startedMs = performance.now();
      current = weakening;
      changed.clear();
      const files = weakening.changes.map(({ file }) => join(root, file));
      for (const file of files) vitest.invalidateFile(file);
      const outcome = await attempt(vitest, weakening);
      current = null;
      for (const file of files) vitest.invalidateFile(file);
      const all = files.every((file) => changed.has(file));
      const result = all ? outcome : { bites: false, said: 'not every change was loaded' };
      return { weakening, ...result, seconds: Math.round((performance.now() - startedMs) / 100) / 10 };
    },
    [Symbol.asyncDispose]: () => vitest.close(),
  };
}

const pathOf = (id: string): string => id.split('?')[0] ?? '';

function weakened(code: string, path: string, { attack, changes }: Weakening): string {
  return changes
    .filter(({ file }) => path === join(root, file))
    .reduce((text, { find, replace }) => {
      if (text.split(find).length !== 2) throw new Error(`${attack}: not once in ${path}: ${find}`);
      return text.replace(find, () => replace);
    }, code);
}

async function attempt(vitest: Vitest, { attack, hangs }: Weakening): Promise<Pick<Bite, 'bites' | 'said'>> {
  const file = namedTests().find(({ title }) => title === attack)?.file;
  if (file === undefined) return { bites: false, said: 'there is no such test' };
  const testNamePattern = patternOf(attack);
  const specification = vitest.getRootProject().createSpecification(join(root, file), { testNamePattern });
  const { testModules } = await vitest.runTestSpecifications([specification]);
  const tests = testModules
    .flatMap((module) => [...module.children.allTests()])
    .filter(({ fullName }) => testNamePattern.test(fullName));
  const failed = tests.find((test) => test.result().state === 'failed');
  if (failed) {
    const said = complaintOf(failed);
    // A slow machine must not pass for a successful attack.
    return { bites: hangs === true || !said.startsWith('Test timed out'), said };
  }
  const passed = tests.some((test) => test.result().state === 'passed');
  const broken = testModules.flatMap((module) => [
    ...module.errors(),
    ...[...module.children.allSuites()].flatMap((suite) => suite.errors()),
  ]);
  const [error] = broken;
  return {
    bites: false,
    said: passed ? 'the attack was still refused' : `nothing ran: ${error?.message ?? ''}`,
  };
}

/** Names of tests of many rows have the row's values in the places of their marks. */
export function patternOf(title: string): RegExp {
  const literal = title
    .split(/%[sdifjo#%]|\$[\w.]+/)
    .map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`(?:^|> )${literal.join('.*')}$`);
}

function complaintOf(test: TestCase): string {
  const [error] = test.result().errors ?? [];
  return (error?.message ?? '').split('\n')[0]?.slice(0, 160) ?? '';
}
