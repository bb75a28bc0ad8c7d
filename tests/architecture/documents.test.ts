import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { catalogue } from '../attacks/catalogue/catalogue.ts';
import { mayImport } from './import-table.ts';
import { root } from './source-files.ts';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');

function runtimeDependencies(): string[] {
  const manifests = ['apps', 'packages'].flatMap((folder) =>
    readdirSync(join(root, folder)).map((room): { dependencies?: object; optionalDependencies?: object } =>
      JSON.parse(read(`${folder}/${room}/package.json`)),
    ),
  );
  const names = manifests.flatMap((manifest) =>
    Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }),
  );
  return [...new Set(names)].filter((name) => !name.startsWith('@hexabase/')).sort();
}

describe('documents', () => {
  it('every run-time dependency has its reason in docs/dependencies.md, and nothing else stands there', () => {
    const explained = [...read('docs/dependencies.md').matchAll(/^\| `([^`]+)` \| \S/gm)].map(
      (match) => match[1],
    );
    expect(explained.length).toBeGreaterThan(10);
    expect(explained.sort()).toEqual(runtimeDependencies());
  });

  it('ARCHITECTURE.md shows the import table that is enforced', () => {
    const rows = [...read('ARCHITECTURE.md').matchAll(/^\| `((?:packages|apps)\/[a-z]+)` \| (.*) \|$/gm)];
    const shown = Object.fromEntries(
      rows.map(([, room = '', list = '']) => [room, list === '–' ? [] : list.split(', ').sort()]),
    );
    const enforced = Object.fromEntries(
      Object.entries(mayImport).map(([room, list]) => [room, [...list].sort()]),
    );
    expect(Object.keys(shown).length).toBeGreaterThan(10);
    expect(shown).toEqual(enforced);
  });

  it('docs/security.md names every attack that can be tried', () => {
    const named = [...read('docs/security.md').matchAll(/\b([A-E])(\d\d)(?:–\1(\d\d))?/g)].flatMap(
      ([, letter = '', first = '', last = first]) =>
        Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => {
          return `${letter}${String(Number(first) + index).padStart(2, '0')}`;
        }),
    );
    const tried = Object.entries(catalogue).filter(([, { notApplicable }]) => notApplicable === undefined);
    expect(tried.map(([id]) => id).filter((id) => !named.includes(id))).toEqual([]);
    expect(named.filter((id) => !(id in catalogue))).toEqual([]);
  });

  it('every file that a document points to exists', () => {
    const documents = [
      'ARCHITECTURE.md',
      'AGENTS.md',
      'CONTRIBUTING.md',
      'STYLE.md',
      'docs/guides/add-a-resource.md',
      'docs/guides/real-cluster.md',
      'docs/operations/isolation.md',
      'docs/security.md',
      'docs/operations/rights.md',
      'docs/operations/sizing.md',
      'docs/operations/upgrade.md',
    ];
    const pointers = documents.flatMap((document) =>
      [...read(document).matchAll(/`((?:apps|packages|tests|tools|docs)\/[A-Za-z0-9_./-]+)`/g)].map(
        (match) => match[1] ?? '',
      ),
    );
    expect(pointers.length).toBeGreaterThan(20);
    const absent = pointers.filter((path) => !exists(path));
    expect(absent).toEqual([]);
  });
});

function exists(path: string): boolean {
  const slash = path.replace(/\/$/, '').lastIndexOf('/');
  try {
    return readdirSync(join(root, path.slice(0, slash))).includes(path.slice(slash + 1).replace(/\/$/, ''));
  } catch {
    return false;
  }
}
