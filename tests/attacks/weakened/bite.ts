import { join, resolve } from 'node:path';
import { createVitest, type TestCase, type TestModule, type Vitest } from 'vitest/node';
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
}

export interface Biter extends AsyncDisposable {
  /** Attacks of one group of `groupsOf`: one start of the product is enough for them. */
  bite(group: readonly Weakening[]): Promise<Bite[]>;
}

/** Weakenings that are the same change, tried by tests of one file. */
export function groupsOf(weakenings: readonly Weakening[]): Weakening[][] {
  const files = new Map(namedTests().map(({ title, file }) => [title, file]));
  const key = ({ attack, changes }: Weakening) => `${files.get(attack)} ${JSON.stringify(changes)}`;
  return [...Map.groupBy(weakenings, key).values()];
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
    async bite(group) {
      const [weakening] = group;
      if (!weakening) return [];
      current = weakening;
      changed.clear();
      const files = weakening.changes.map(({ file }) => join(root, file));
      for (const file of files) vitest.invalidateFile(file);
      const bites = await attempt(vitest, group);
      current = null;
      for (const file of files) vitest.invalidateFile(file);
      if (files.every((file) => changed.has(file))) return bites;
      return bites.map((bite) => ({ ...bite, bites: false, said: 'not every change was loaded' }));
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

async function attempt(vitest: Vitest, group: readonly Weakening[]): Promise<Bite[]> {
  const file = namedTests().find(({ title }) => title === group[0]?.attack)?.file;
  if (file === undefined)
    return group.map((weakening) => ({ weakening, bites: false, said: 'there is no such test' }));
  const testNamePattern = new RegExp(group.map(({ attack }) => patternOf(attack).source).join('|'));
  const specification = vitest.getRootProject().createSpecification(join(root, file), { testNamePattern });
  const { testModules } = await vitest.runTestSpecifications([specification]);
  return group.map((weakening) => ({ weakening, ...outcomeOf(testModules, weakening) }));
}

function outcomeOf(
  modules: readonly TestModule[],
  { attack, hangs }: Weakening,
): Pick<Bite, 'bites' | 'said'> {
  const tests = modules
    .flatMap((module) => [...module.children.allTests()])
    .filter(({ fullName }) => patternOf(attack).test(fullName));
  const failed = tests.find((test) => test.result().state === 'failed');
  if (failed) {
    const said = complaintOf(failed);
    // A slow machine must not pass for a successful attack.
    return { bites: hangs === true || !said.startsWith('Test timed out'), said };
  }
  if (tests.some((test) => test.result().state === 'passed'))
    return { bites: false, said: 'the attack was still refused' };
  const [error] = modules.flatMap((module) => [
    ...module.errors(),
    ...[...module.children.allSuites()].flatMap((suite) => suite.errors()),
  ]);
  return { bites: false, said: `nothing ran: ${error?.message ?? ''}`.slice(0, 160) };
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
