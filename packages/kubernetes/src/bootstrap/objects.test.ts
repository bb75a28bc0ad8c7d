import { describe, expect, test } from 'vitest';
import { objectsOf } from '../auth/fields.ts';
import { baseObjects } from './objects.ts';

const objects = baseObjects();
const find = (kind: string, name: string) =>
  objects.find(({ object }) => object.kind === kind && object.metadata.name === name)?.object;

describe('base objects', () => {
  test('each has its own valid uid, revision 1 and a time', () => {
    const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    const uids = objects.map(({ object }) => object.metadata.uid);
    expect(uids.filter((uid) => !uuid.test(uid))).toEqual([]);
    expect(new Set(uids).size).toBe(objects.length);
    expect(objects.every(({ object }) => object.metadata.creationTimestamp === '2026-01-01T00:00:00Z')).toBe(
      true,
    );
  });

  test('no key occurs twice', () => {
    const keys = objects.map(
      ({ resource, object }) => `${resource} ${object.metadata.namespace ?? ''} ${object.metadata.name}`,
    );
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('nobody can change an object that all clusters share', () => {
    const metadata = find('Namespace', 'default')?.metadata;
    expect(() => Object.assign(metadata?.labels ?? {}, { a: 'b' })).toThrow(TypeError);
  });

  test('every binding names a role that exists', () => {
    const roles = new Set(
      objects.map(
        ({ object }) => `${object.kind} ${object.metadata.namespace ?? ''} ${object.metadata.name}`,
      ),
    );
    const missing = objects
      .filter(({ object }) => object.kind.endsWith('Binding'))
      .map(({ object }) => {
        const { kind, name } = object['roleRef'] as { kind: string; name: string };
        return `${kind} ${kind === 'Role' ? (object.metadata.namespace ?? '') : ''} ${name}`;
      })
      .filter((key) => !roles.has(key));
    expect(missing).toEqual([]);
  });

  test('every rule has verbs and says what it is about', () => {
    const rules = objects.flatMap(({ object }) => (Array.isArray(object['rules']) ? object['rules'] : []));
    const broken = rules.filter(
      (rule) =>
        !(rule.verbs?.length > 0) ||
        !(rule.nonResourceURLs?.length > 0 || (rule.apiGroups?.length > 0 && rule.resources?.length > 0)),
    );
    expect(rules.length).toBeGreaterThan(200);
    expect(broken).toEqual([]);
  });

  test('the aggregated roles come with their rules: admin holds edit, edit holds view', () => {
    const rules = (name: string) =>
      objectsOf(find('ClusterRole', name)?.['rules']).map((rule) => JSON.stringify(rule));
    expect(rules('edit')).toEqual(expect.arrayContaining(rules('view')));
    expect(rules('admin')).toEqual(expect.arrayContaining(rules('edit')));
    expect(rules('view').some((rule) => rule.includes('"secrets"'))).toBe(false);
  });

  test('classes that only serve the simulation say so', () => {
    for (const kind of ['StorageClass', 'IngressClass']) {
      const marked = objects.filter(({ object }) => object.kind === kind);
      expect(marked).toHaveLength(1);
      expect(marked[0]?.object.metadata.labels).toEqual({ simulated: 'true' });
    }
  });
});
