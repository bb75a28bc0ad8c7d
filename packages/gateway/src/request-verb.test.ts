import { describe, expect, it } from 'vitest';
import { requestObject, requestVerb } from './request-verb.ts';

const read = { readOnly: true, longRunning: false };
const open = { readOnly: true, longRunning: true };
const change = { readOnly: false, longRunning: false };
const shell = { readOnly: false, longRunning: true };

/** As `k8s.io/apiserver`, `RequestInfoFactory.NewRequestInfo` and `BasicLongRunningRequestCheck` have it. */
const cases = [
  ['GET', '/api/v1/pods', 'list', read],
  ['GET', '/api/v1/pods/', 'list', read],
  ['HEAD', '/api/v1/pods', 'list', read],
  ['GET', '/api/v1/namespaces/a/pods/b', 'get', read],
  ['GET', '/api/v1/namespaces', 'list', read],
  ['GET', '/api/v1/namespaces?watch=1', 'watch', open],
  ['GET', '/api/v1/namespaces/a', 'get', read],
  ['GET', '/api/v1/namespaces/a/status', 'get', read],
  ['PUT', '/api/v1/namespaces/a/finalize', 'update', change],
  ['GET', '/api/v1/namespaces/a/finalizers', 'list', read],
  ['GET', '/apis/apps/v1/deployments?watch=true', 'watch', open],
  ['GET', '/apis/apps/v1/deployments?limit=1&watch=1', 'watch', open],
  ['GET', '/apis/apps/v1/deployments?watch', 'watch', open],
  ['GET', '/apis/apps/v1/deployments?watch=false', 'list', read],
  ['GET', '/apis/apps/v1/deployments?watch=0', 'list', read],
  ['GET', '/apis/apps/v1/deployments?watch=false&watch=1', 'list', read],
  ['GET', '/apis/apps/v1/deployments?w%61tch=yes', 'watch', open],
  ['GET', '/apis/apps/v1/deployments?watch=FALSE', 'list', read],
  ['GET', '/apis/apps/v1/deployments?Watch=1', 'list', read],
  // Pairs that Go drops.
  ['GET', '/api/v1/secrets?watch=%zz&limit=1', 'list', read],
  ['GET', '/api/v1/pods?watch=1;x', 'list', read],
  ['GET', '/api/v1/pods?watch=1;x&watch=1', 'watch', open],
  ['GET', '/api/v1/pods?%zz&watch=1', 'watch', open],
  // Only collections are watched.
  ['GET', '/api/v1/namespaces/a/secrets/s1?watch=1', 'get', read],
  ['GET', '/api/v1/namespaces/a?watch=1', 'get', read],
  ['GET', '/api/v1/namespaces/a/pods/b/status?watch=1', 'get', read],
  ['DELETE', '/api/v1/namespaces/a/pods?watch=1', 'deletecollection', change],
  // The old prefix.
  ['GET', '/api/v1/watch/pods', 'watch', open],
  ['GET', '/api/v1/watch/namespaces/a/secrets/s1', 'watch', open],
  ['GET', '/apis/apps/v1/watch/namespaces/a/deployments', 'watch', open],
  ['GET', '/api/v1/watch', 'get', read],
  ['GET', '/api/v1/proxy/namespaces/a/services/s/x', 'proxy', shell],
  ['POST', '/api/v1/proxy/nodes/n', 'proxy', shell],
  // Logs that are followed; nothing else is.
  ['GET', '/api/v1/namespaces/a/pods/b/log', 'get', read],
  ['GET', '/api/v1/namespaces/a/pods/b/log?follow=true', 'get', open],
  ['GET', '/api/v1/namespaces/a/pods/b/log?follow=0', 'get', read],
  ['GET', '/api/v1/namespaces/a/pods/b/log?watch=1', 'get', read],
  ['GET', '/api/v1/namespaces/a/services/b/log?follow=1', 'get', read],
  ['GET', '/api/v1/namespaces/a/secrets?follow=1', 'list', read],
  ['GET', '/api/v1/namespaces/a/pods/b?follow=1', 'get', read],
  ['GET', '/apis/x.io/v1/namespaces/a/pods/b/log?follow=1', 'get', read],
  ['GET', '/version?follow=1', 'get', read],
  // Streams.
  ['GET', '/api/v1/namespaces/a/pods/b/exec?command=sh', 'get', shell],
  ['POST', '/api/v1/namespaces/a/pods/b/attach', 'create', shell],
  ['POST', '/api/v1/namespaces/a/pods/b/portforward', 'create', shell],
  ['GET', '/api/v1/namespaces/a/services/https:s:443/proxy/a/b', 'get', shell],
  ['GET', '/api/v1/nodes/n/proxy/metrics', 'get', shell],
  ['GET', '/api/v1/namespaces/a/pods/exec', 'get', read],
  ['POST', '/api/v1/namespaces', 'create', change],
  ['PUT', '/api/v1/namespaces/a/pods/b', 'update', change],
  ['PATCH', '/apis/apps/v1/namespaces/a/deployments/b/scale', 'patch', change],
  ['DELETE', '/api/v1/namespaces/a/pods/b', 'delete', change],
  ['DELETE', '/api/v1/namespaces/a/pods', 'deletecollection', change],
  ['GET', '/version', 'get', read],
  ['GET', '/apis', 'get', read],
  ['GET', '/api/v1', 'get', read],
  ['GET', '/apis/apps/v1', 'get', read],
  ['OPTIONS', '/version', 'options', read],
] as const;

const split = (url: string) => ({ path: url.replace(/\?.*/, ''), query: url.replace(/^[^?]*/, '') });

describe('the verb of a request', () => {
  it.each(cases)('%s %s is %s', (...[method, url, verb, kind]) => {
    expect(requestVerb(method, split(url))).toEqual({ verb, ...kind });
  });

  it.each([
    ['?watch=1&fieldSelector=metadata.name%3Ds1', 's1'],
    ['?fieldSelector=metadata.name==s1', 's1'],
    ['?fieldSelector=type%3DOpaque,metadata.name=s1', 's1'],
    ['?fieldSelector=metadata.name=a%5C,b', 'a,b'],
    ['?fieldSelector=metadata.name!=s1', undefined],
    ['?fieldSelector=metadata.namespace=s1', undefined],
    ['?fieldSelector=metadata.name=..', undefined],
    ['?fieldSelector=', undefined],
    [`?fieldSelector=metadata.name=${'a'.repeat(5_000)}`, 'a'.repeat(256)],
  ])('of many that asks for one has its name: %s', (query, selected) => {
    const path = '/api/v1/namespaces/a/secrets';
    expect(requestVerb('GET', { path, query }).selected).toBe(selected);
    for (const one of [`${path}/other`, '/api/v1/namespaces/a/pods/b/log'])
      expect(requestVerb('GET', { path: one, query }).selected).toBeUndefined();
  });
});

describe('what a request is about', () => {
  it.each([
    ['/api/v1/namespaces/a/secrets/s1', { resource: 'secrets', namespace: 'a', name: 's1' }],
    ['/api/v1/watch/namespaces/a/secrets/s1', { resource: 'secrets', namespace: 'a', name: 's1' }],
    ['/api/v1/watch/secrets', { resource: 'secrets' }],
    ['/api/v1/proxy/namespaces/a/services/s/x', { resource: 'services', namespace: 'a', name: 's' }],
    ['/apis/apps/v1/watch/namespaces/a/deployments', { resource: 'deployments.apps', namespace: 'a' }],
    ['/api/v1/namespaces/a', { resource: 'namespaces', name: 'a' }],
    ['/api/v1/namespaces/a/status', { resource: 'namespaces/status', name: 'a' }],
    ['/api/v1/namespaces/a/finalize', { resource: 'namespaces/finalize', name: 'a' }],
    [
      '/apis/apps/v1/namespaces/a/deployments/b/scale',
      { resource: 'deployments.apps/scale', namespace: 'a', name: 'b' },
    ],
    ['/api/v1/nodes/n/proxy/a/b', { resource: 'nodes/proxy', name: 'n' }],
    ['/api/v1/nodes/namespaces', { resource: 'nodes', name: 'namespaces' }],
    [`/api/v1/pods/${'a'.repeat(5_000)}`, { resource: 'pods', name: 'a'.repeat(256) }],
    ['/version', {}],
    ['/api/v1/watch', {}],
  ])('%s', (path, object) => {
    expect(requestObject(path)).toEqual(object);
  });
});
