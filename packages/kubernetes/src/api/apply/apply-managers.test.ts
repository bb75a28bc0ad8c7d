import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sameJson } from '../registry/object.ts';
import { startApplier, type Applier } from './applier-for-tests.ts';

type Fields = Record<string, unknown>;

const pods = (): Applier => startApplier('v1', 'Pod');
const settings = (): Applier => startApplier('v1', 'ConfigMap');
const pod = (...containers: Fields[]): Fields => ({ spec: { containers } });
const data = (values: Fields): Fields => ({ data: values });

describe('appliers of one object', () => {
  it('own disjoint fields side by side', () => {
    const object = settings();
    expect(object.apply('a', data({ one: '1' }))).toBe('');
    expect(object.apply('b', data({ two: '2' }))).toBe('');
    expect(object.object()).toEqual(data({ one: '1', two: '2' }));
    expect(object.owned('a')).toEqual(['.data.one']);
    expect(object.owned('b')).toEqual(['.data.two']);
  });

  it('own the same value together, and it stays until the last lets go', () => {
    const object = settings();
    object.apply('a', data({ shared: '1', own: 'a' }));
    object.apply('b', data({ shared: '1' }));
    object.apply('a', data({ own: 'a' }));
    expect(object.object()).toEqual(data({ shared: '1', own: 'a' }));
    object.apply('b', data({}));
    expect(object.object()).toEqual(data({ own: 'a' }));
  });

  it('are told of every field that another owns with another value', () => {
    const object = settings();
    object.apply('a', data({ x: '1', y: '1' }));
    expect(object.apply('b', data({ x: '2' }))).toBe(
      'Apply failed with 1 conflict: conflict with "a": .data.x',
    );
    expect(object.apply('b', data({ x: '2', y: '2' }))).toBe(
      'Apply failed with 2 conflicts: conflicts with "a":\n- .data.x\n- .data.y',
    );
    expect(object.object()).toEqual(data({ x: '1', y: '1' }));
  });

  it('take a field by force, and the other loses it for good', () => {
    const object = settings();
    object.apply('a', data({ x: '1', y: '1' }));
    expect(object.apply('b', data({ x: '2' }), { force: true })).toBe('');
    expect(object.owned('a')).toEqual(['.data.y']);
    object.apply('b', data({}));
    expect(object.object()).toEqual(data({ y: '1' }));
  });

  it('take over by force everything, so that the other is no manager any more', () => {
    const object = settings();
    object.apply('a', data({ x: '1' }));
    object.apply('b', data({ x: '2' }), { force: true });
    expect(object.managers()).toEqual(['b']);
  });

  it('conflict with an updater, and not where the value is the same', () => {
    const object = settings();
    object.apply('a', data({ x: '1' }));
    object.update('u', data({ x: '2' }));
    expect(object.owned('a')).toEqual([]);
    expect(object.apply('a', data({ x: '1' }))).toBe(
      'Apply failed with 1 conflict: conflict with "u" using v1: .data.x',
    );
    expect(object.apply('a', data({ x: '2' }))).toBe('');
    expect(object.managers().sort()).toEqual(['a', 'u']);
  });

  it('may apply again what an updater removed', () => {
    const object = settings();
    object.apply('a', data({ x: '1', y: '1' }));
    object.update('u', data({ y: '1' }));
    expect(object.apply('a', data({ x: '1', y: '1' }))).toBe('');
    expect(object.object()).toEqual(data({ x: '1', y: '1' }));
  });
});

describe('lists of objects', () => {
  it('are merged by their key, in the order of who applies', () => {
    const object = pods();
    object.apply('a', pod({ name: 'one', image: 'i' }, { name: 'two', image: 'i' }));
    object.apply('b', pod({ name: 'three', image: 'i' }, { name: 'two', image: 'i' }));
    expect(object.object()).toEqual(
      pod({ name: 'one', image: 'i' }, { name: 'three', image: 'i' }, { name: 'two', image: 'i' }),
    );
    expect(object.owned('b')).toEqual([
      '.spec.containers[name="three"]',
      '.spec.containers[name="two"]',
      '.spec.containers[name="three"].image',
      '.spec.containers[name="three"].name',
      '.spec.containers[name="two"].image',
      '.spec.containers[name="two"].name',
    ]);
  });

  it('lose an element when its only applier drops it, and keep one that two share', () => {
    const object = pods();
    object.apply('a', pod({ name: 'one', image: 'i' }, { name: 'two', image: 'i' }));
    object.apply('b', pod({ name: 'two', env: [{ name: 'E', value: '1' }] }));
    object.apply('a', pod({ name: 'three', image: 'i' }));
    expect(object.object()).toEqual(
      pod({ name: 'two', env: [{ name: 'E', value: '1' }] }, { name: 'three', image: 'i' }),
    );
  });

  it('tell elements apart by all key fields, defaults filled in', () => {
    const object = pods();
    object.apply(
      'a',
      pod({ name: 'c', ports: [{ containerPort: 53, protocol: 'UDP' }, { containerPort: 53 }] }),
    );
    expect(object.owned('a')).toContain(
      '.spec.containers[name="c"].ports[containerPort=53,protocol="TCP"].containerPort',
    );
    expect(object.apply('b', pod({ name: 'c', ports: [{ containerPort: 53, protocol: 'TCP' }] }))).toBe('');
  });

  it('are owned as a whole when they are atomic', () => {
    const object = pods();
    object.apply('a', pod({ name: 'c', args: ['x', 'y'] }));
    expect(object.owned('a')).toContain('.spec.containers[name="c"].args');
    expect(object.apply('b', pod({ name: 'c', args: ['y'] }))).toBe(
      'Apply failed with 1 conflict: conflict with "a": .spec.containers[name="c"].args',
    );
  });

  it('with duplicates can still be changed elsewhere', () => {
    const object = pods();
    object.update(
      'u',
      pod({
        name: 'c',
        env: [
          { name: 'E', value: '1' },
          { name: 'E', value: '2' },
        ],
      }),
    );
    expect(object.apply('a', pod({ name: 'c', image: 'i' }))).toBe('');
    expect(object.object()).toEqual(
      pod({
        name: 'c',
        image: 'i',
        env: [
          { name: 'E', value: '1' },
          { name: 'E', value: '2' },
        ],
      }),
    );
  });
});

describe('other shapes', () => {
  it('sets are merged value by value', () => {
    const object = settings();
    const finalizers = (...names: string[]): Fields => ({ metadata: { finalizers: names } });
    object.apply('a', finalizers('x/a', 'x/b'));
    object.apply('b', finalizers('x/b', 'x/c'));
    object.apply('a', finalizers('x/a'));
    expect(object.object()).toEqual({ metadata: { finalizers: ['x/a', 'x/b', 'x/c'] } });
    expect(object.owned('b')).toEqual(['.metadata.finalizers[="x/b"]', '.metadata.finalizers[="x/c"]']);
  });

  it('an atomic struct changes hands as one', () => {
    const object = startApplier('apps/v1', 'Deployment');
    object.apply('a', { spec: { selector: { matchLabels: { a: '1' } } } });
    expect(object.owned('a')).toEqual(['.spec.selector']);
    expect(object.apply('b', { spec: { selector: { matchLabels: { b: '1' } } } })).toContain(
      'conflict with "a": .spec.selector',
    );
  });

  it('an empty struct is owned itself', () => {
    const object = pods();
    object.apply('a', { spec: { volumes: [{ name: 'v', emptyDir: {} }] } });
    expect(object.owned('a')).toContain('.spec.volumes[name="v"].emptyDir');
  });

  it('kind, name and what the server writes belong to nobody', () => {
    const object = settings();
    object.apply('a', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'c', namespace: 'd', uid: 'u', labels: { a: '1' } },
    });
    expect(object.owned('a')).toEqual(['.metadata.labels.a']);
  });
});

const values = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('1', '2'), { maxKeys: 3 });
const containers = fc
  .uniqueArray(
    fc.record(
      {
        name: fc.constantFrom('x', 'y', 'z'),
        image: fc.constantFrom('i', 'j'),
        args: fc.array(fc.constantFrom('p', 'q'), { maxLength: 2 }),
      },
      { requiredKeys: ['name'] },
    ),
    {
      selector: ({ name }) => name,
    },
  )
  .map((list) => (list.length === 0 ? {} : { spec: { containers: list } }));
const configs = fc
  .record({ metadata: fc.record({ labels: values }, { requiredKeys: [] }), body: containers })
  .map(({ metadata, body }) => ({ metadata, ...body }));

describe('for all configurations', () => {
  it('applying the same twice changes nothing', () => {
    fc.assert(
      fc.property(configs, configs, (first, second) => {
        const object = pods();
        object.apply('a', first);
        object.apply('b', second, { force: true });
        const [before, owned] = [object.object(), object.owned('b')];
        expect(object.apply('b', second)).toBe('');
        expect(sameJson(object.object(), before)).toBe(true);
        expect(object.owned('b')).toEqual(owned);
      }),
    );
  });

  it('disjoint ones add up in either order, and giving up one leaves the other', () => {
    fc.assert(
      fc.property(values, values, (labels, annotations) => {
        const [a, b] = [{ metadata: { labels } }, { metadata: { annotations } }];
        const [one, two] = [pods(), pods()];
        expect([one.apply('a', a), one.apply('b', b), two.apply('b', b), two.apply('a', a)]).toEqual([
          '',
          '',
          '',
          '',
        ]);
        expect(sameJson(one.object(), two.object())).toBe(true);
        expect(one.object()).toEqual({ metadata: { labels, annotations } });
        one.apply('a', {});
        expect(one.owned('b')).toEqual(two.owned('b'));
        expect(one.owned('a')).toEqual([]);
      }),
    );
  });

  it('no field is lost to force that its owner does not hear of without', () => {
    fc.assert(
      fc.property(configs, configs, (first, second) => {
        const [asked, forced] = [pods(), pods()];
        for (const object of [asked, forced]) object.apply('a', first);
        const owned = asked.owned('a');
        const answer = asked.apply('b', second);
        forced.apply('b', second, { force: true });
        const lost = owned.filter((path) => !forced.owned('a').includes(path));
        expect(lost.length === 0).toBe(answer === '');
        for (const path of lost) expect(answer).toContain(path);
      }),
    );
  });
});
