import { describe, expect, it } from 'vitest';
import {
  findResource,
  groupVersions,
  resourceForKind,
  resourceOfObject,
  resourcesOf,
  servedResources,
} from './catalog.ts';
import { discovery } from './discovery-data.ts';
import { served } from './served.ts';

describe('catalog', () => {
  it('serves exactly what the hand-written list names', () => {
    const generated = Object.entries(discovery()).map(([gv, resources]) => [
      gv,
      resources.map(({ name }) => name).sort(),
    ]);
    const written = Object.entries(served).map(([gv, names]) => [gv, [...names].sort()]);
    expect(Object.fromEntries(generated)).toEqual(Object.fromEntries(written));
  });

  it('knows names, verbs and subresources from upstream discovery', () => {
    const deployments = findResource('apps', 'v1', 'deployments');
    expect(deployments).toMatchObject({
      groupResource: 'apps/deployments',
      kind: 'Deployment',
      singular: 'deployment',
      shortNames: ['deploy'],
      categories: ['all'],
      namespaced: true,
    });
    expect(deployments?.subresources.get('scale')).toMatchObject({
      group: 'autoscaling',
      version: 'v1',
      kind: 'Scale',
    });
    expect(findResource('', 'v1', 'pods')?.subresources.get('eviction')).toMatchObject({
      group: 'policy',
      kind: 'Eviction',
    });
    expect(findResource('', 'v1', 'namespaces')?.verbs).not.toContain('deletecollection');
  });

  it('answers nothing for what is not served', () => {
    expect(findResource('', 'v1', 'componentstatuses')).toBeUndefined();
    expect(findResource('apps', 'v1beta1', 'deployments')).toBeUndefined();
    expect(resourcesOf('autoscaling', 'v2')).toEqual([]);
  });

  it('finds a resource by kind', () => {
    expect(resourceForKind('', 'v1', 'Pod')?.plural).toBe('pods');
    expect(resourceOfObject({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' })?.plural).toBe(
      'networkpolicies',
    );
    expect(resourceForKind('metrics.k8s.io', 'v1beta1', 'PodMetrics')?.verbs).toEqual(['get', 'list']);
  });

  it('keeps core and events.k8s.io events in one store', () => {
    expect(findResource('events.k8s.io', 'v1', 'events')?.groupResource).toBe(
      findResource('', 'v1', 'events')?.groupResource,
    );
    expect(groupVersions()[0]).toEqual({ group: '', version: 'v1' });
    expect(servedResources().length).toBeGreaterThan(40);
  });
});
