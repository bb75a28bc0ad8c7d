import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { generatedBytes } from './generated-data.ts';
import { prune } from './prune.ts';
import { checkFields } from './strict.ts';
import { listStrategy } from './merge-keys.ts';

interface AnyObject {
  apiVersion: string;
  kind: string;
}

const goldens: Record<string, { json: AnyObject }> = JSON.parse(
  gunzipSync(generatedBytes('goldens.test-data.json.gz')).toString('utf8'),
);

describe('pruning', () => {
  it.each(Object.keys(goldens))('loses nothing of an object with every field set: %s', (name) => {
    const object = goldens[name]?.json ?? { apiVersion: '', kind: '' };
    expect(
      checkFields(object.apiVersion, object.kind, object).filter(({ kind }) => kind === 'unknown'),
    ).toEqual([]);
    if (!/PodDisruptionBudget/.test(name)) expect(canonical(prune(object))).toEqual(canonical(object));
  });

  it('drops what Go types would not keep', () => {
    const object = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'a', labels: {}, creationTimestamp: null, uid: '' },
      spec: {
        hostNetwork: false,
        automountServiceAccountToken: false,
        foo: 1,
        volumes: [{ name: 'v', emptyDir: {} }],
        containers: [{ name: 'c', env: [], resources: { limits: { cpu: 0.5, memory: '1024Mi' } } }],
      },
    };
    expect(prune(object)).toEqual({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'a' },
      spec: {
        automountServiceAccountToken: false,
        volumes: [{ name: 'v', emptyDir: {} }],
        containers: [{ name: 'c', resources: { limits: { cpu: '500m', memory: '1Gi' } } }],
      },
    });
  });
});

describe('merge strategies', () => {
  it.each([
    [
      'v1',
      'Pod',
      ['spec', 'containers'],
      { patchStrategies: ['merge'], patchMergeKey: 'name', listType: 'map', listMapKeys: ['name'] },
    ],
    ['v1', 'Pod', ['spec', 'volumes'], { patchStrategies: ['merge', 'retainKeys'], patchMergeKey: 'name' }],
    [
      'apps/v1',
      'Deployment',
      ['spec', 'template', 'spec', 'containers', 'ports'],
      { patchMergeKey: 'containerPort', listMapKeys: ['containerPort', 'protocol'] },
    ],
    ['apps/v1', 'Deployment', ['spec', 'strategy'], { patchStrategies: ['retainKeys'] }],
    ['v1', 'Pod', ['spec', 'ephemeralContainers', 'env'], { patchMergeKey: 'name', listType: 'map' }],
    ['v1', 'Service', ['spec', 'selector'], { atomic: true }],
    ['apps/v1', 'Deployment', ['spec', 'selector'], { atomic: true }],
    [
      'v1',
      'Pod',
      ['metadata', 'finalizers'],
      { patchStrategies: ['merge'], patchMergeKey: undefined, listType: 'set' },
    ],
    ['v1', 'ServiceAccount', ['secrets'], { patchMergeKey: 'name' }],
    ['v1', 'Pod', ['spec', 'containers', 'args'], { patchStrategies: [], listType: 'atomic' }],
  ])('%s %s %j', (apiVersion, kind, path, expected) => {
    expect(listStrategy(apiVersion, kind, path)).toMatchObject(expected);
  });

  it('of unknown paths are undefined', () => {
    expect(listStrategy('v1', 'Pod', ['spec', 'nope'])).toBeUndefined();
    expect(listStrategy('example.com/v1', 'Thing', ['spec'])).toBeUndefined();
  });
});

/** Goldens hold quantities like `0` and floats that have more than one spelling. */
function canonical(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
