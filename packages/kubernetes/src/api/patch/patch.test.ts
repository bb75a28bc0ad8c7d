import { describe, expect, it } from 'vitest';
import { rootNode } from '../../schema/merge-keys.ts';
import { applyJsonPatch, parseJsonPatch, PatchProblem } from './json-patch.ts';
import { applyMergePatch } from './merge-patch.ts';
import { applyStrategicMergePatch } from './strategic-merge-patch.ts';

describe('JSON patch (RFC 6902)', () => {
  const apply = (target: unknown, patch: unknown): unknown => applyJsonPatch(target, parseJsonPatch(patch));

  it('adds, removes, replaces, moves, copies and tests as the RFC’s examples', () => {
    expect(apply({ foo: 'bar' }, [{ op: 'add', path: '/baz', value: 'qux' }])).toEqual({
      baz: 'qux',
      foo: 'bar',
    });
    expect(apply({ foo: ['bar', 'baz'] }, [{ op: 'add', path: '/foo/1', value: 'qux' }])).toEqual({
      foo: ['bar', 'qux', 'baz'],
    });
    expect(apply({ foo: ['bar', 'qux', 'baz'] }, [{ op: 'remove', path: '/foo/1' }])).toEqual({
      foo: ['bar', 'baz'],
    });
    expect(
      apply({ foo: { bar: 'baz', waldo: 'fred' }, qux: {} }, [
        { op: 'move', from: '/foo/waldo', path: '/qux/thud' },
      ]),
    ).toEqual({ foo: { bar: 'baz' }, qux: { thud: 'fred' } });
    expect(apply({ foo: ['bar'] }, [{ op: 'add', path: '/foo/-', value: ['abc'] }])).toEqual({
      foo: ['bar', ['abc']],
    });
    expect(apply({ '/': 9, '~1': 10 }, [{ op: 'test', path: '/~01', value: 10 }])).toEqual({
      '/': 9,
      '~1': 10,
    });
    expect(apply({ a: 1 }, [{ op: 'replace', path: '', value: { b: 2 } }])).toEqual({ b: 2 });
  });

  it('refuses what does not fit, without changing the target', () => {
    const target = { foo: 'bar', list: [1] };
    for (const patch of [
      [{ op: 'test', path: '/foo', value: 'x' }],
      [{ op: 'remove', path: '/none' }],
      [{ op: 'replace', path: '/none', value: 1 }],
      [{ op: 'add', path: '/none/deep', value: 1 }],
      [{ op: 'add', path: '/list/5', value: 1 }],
      [{ op: 'burn', path: '/foo' }],
      {},
    ]) {
      expect(() => apply(target, patch)).toThrow(PatchProblem);
    }
    expect(target).toEqual({ foo: 'bar', list: [1] });
  });

  it('cannot reach a prototype', () => {
    apply({}, [{ op: 'add', path: '/__proto__', value: { polluted: true } }]);
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });
});

describe('merge patch (RFC 7386)', () => {
  it('follows the table of the RFC', () => {
    const rows: [unknown, unknown, unknown][] = [
      [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
      [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
      [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
      [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
      [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
      [
        ['a', 'b'],
        ['c', 'd'],
        ['c', 'd'],
      ],
      [{ e: null }, { a: 1 }, { e: null, a: 1 }],
      [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    ];
    for (const [target, patch, result] of rows) expect(applyMergePatch(target, patch)).toEqual(result);
  });
});

describe('strategic merge patch', () => {
  const pod = rootNode('v1', 'Pod');
  const patchPod = (target: Record<string, unknown>, patch: Record<string, unknown>) =>
    applyStrategicMergePatch(target, patch, pod);
  const containers = (...list: object[]) => ({ spec: { containers: list } });

  it('merges containers by name, and lists inside them by their own keys', () => {
    const target = containers(
      { name: 'a', image: '1', env: [{ name: 'X', value: '1' }], args: ['x'] },
      { name: 'b', image: '1' },
    );
    const result = patchPod(
      target,
      containers({ name: 'a', image: '2', env: [{ name: 'Y', value: '2' }], args: ['y'] }),
    );
    expect(result).toEqual(
      containers(
        {
          name: 'a',
          image: '2',
          env: [
            { name: 'X', value: '1' },
            { name: 'Y', value: '2' },
          ],
          args: ['y'],
        },
        { name: 'b', image: '1' },
      ),
    );
    expect(target.spec.containers[0]).toMatchObject({ image: '1' });
  });

  it('deletes by $patch and replaces whole lists by $patch: replace', () => {
    const target = containers({ name: 'a' }, { name: 'b' });
    expect(patchPod(target, containers({ name: 'a', $patch: 'delete' }))).toEqual(containers({ name: 'b' }));
    expect(patchPod(target, containers({ $patch: 'replace' }, { name: 'c' }))).toEqual(
      containers({ name: 'c' }),
    );
  });

  it('orders by $setElementOrder and keeps what only the server has', () => {
    const target = containers({ name: 'a' }, { name: 'server' }, { name: 'b' });
    const patch = {
      spec: {
        '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }],
        containers: [{ name: 'b', image: '2' }],
      },
    };
    const names = (patchPod(target, patch)['spec'] as { containers: { name: string }[] }).containers.map(
      ({ name }) => name,
    );
    expect(names.filter((name) => name !== 'server')).toEqual(['b', 'a']);
    expect(names).toContain('server');
  });

  it('keeps only $retainKeys of a volume, so that its source can change', () => {
    const target = { spec: { volumes: [{ name: 'v', emptyDir: {} }] } };
    const patch = {
      spec: { volumes: [{ name: 'v', $retainKeys: ['name', 'configMap'], configMap: { name: 'c' } }] },
    };
    expect(patchPod(target, patch)).toEqual({ spec: { volumes: [{ name: 'v', configMap: { name: 'c' } }] } });
  });

  it('merges primitive lists and deletes from them', () => {
    const target = { metadata: { finalizers: ['a', 'b'] } };
    expect(patchPod(target, { metadata: { finalizers: ['c'] } })).toEqual({
      metadata: { finalizers: ['a', 'b', 'c'] },
    });
    expect(patchPod(target, { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'] } })).toEqual({
      metadata: { finalizers: ['b'] },
    });
  });

  it('removes by null and leaves no directive behind', () => {
    expect(
      patchPod({ metadata: { labels: { a: '1', b: '2' } } }, { metadata: { labels: { a: null } } }),
    ).toEqual({ metadata: { labels: { b: '2' } } });
    expect(patchPod({}, { spec: { containers: [{ name: 'a', $patch: 'merge' }] } })).toEqual(
      containers({ name: 'a' }),
    );
  });

  it('replaces lists of kinds that it does not know', () => {
    expect(applyStrategicMergePatch({ a: [1] }, { a: [2] }, undefined)).toEqual({ a: [2] });
  });
});
