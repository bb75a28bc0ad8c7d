import { describe, expect, it } from 'vitest';
import { requestVerb } from './request-verb.ts';

const cases = [
  ['GET', '/api/v1/pods', 'list', { readOnly: true, longRunning: false }],
  ['GET', '/api/v1/namespaces/a/pods/b', 'get', { readOnly: true, longRunning: false }],
  ['GET', '/api/v1/namespaces/a', 'get', { readOnly: true, longRunning: false }],
  ['GET', '/apis/apps/v1/deployments?watch=true', 'watch', { readOnly: true, longRunning: true }],
  ['GET', '/apis/apps/v1/deployments?limit=1&watch=1', 'watch', { readOnly: true, longRunning: true }],
  ['GET', '/apis/apps/v1/deployments?watch=false', 'list', { readOnly: true, longRunning: false }],
  ['GET', '/apis/apps/v1/deployments?w%61tch=yes', 'watch', { readOnly: true, longRunning: true }],
  ['GET', '/apis/apps/v1/deployments?watch=FALSE', 'list', { readOnly: true, longRunning: false }],
  ['GET', '/api/v1/watch/pods', 'watch', { readOnly: true, longRunning: true }],
  ['GET', '/api/v1/namespaces/a/pods/b/log?follow=true', 'get', { readOnly: true, longRunning: true }],
  ['GET', '/api/v1/namespaces/a/pods/b/exec?command=sh', 'get', { readOnly: false, longRunning: true }],
  ['POST', '/api/v1/namespaces/a/pods/b/portforward', 'create', { readOnly: false, longRunning: true }],
  ['POST', '/api/v1/namespaces', 'create', { readOnly: false, longRunning: false }],
  ['PUT', '/api/v1/namespaces/a/pods/b', 'update', { readOnly: false, longRunning: false }],
  [
    'PATCH',
    '/apis/apps/v1/namespaces/a/deployments/b/scale',
    'patch',
    { readOnly: false, longRunning: false },
  ],
  ['DELETE', '/api/v1/namespaces/a/pods/b', 'delete', { readOnly: false, longRunning: false }],
  ['DELETE', '/api/v1/namespaces/a/pods', 'deletecollection', { readOnly: false, longRunning: false }],
  ['GET', '/version', 'get', { readOnly: true, longRunning: false }],
  ['GET', '/apis', 'get', { readOnly: true, longRunning: false }],
] as const;

describe('the verb of a request', () => {
  it.each(cases)('%s %s is %s', (...[method, url, verb, kind]) => {
    expect(requestVerb(method, { path: url.replace(/\?.*/, ''), query: url.replace(/^[^?]*/, '') })).toEqual({
      verb,
      ...kind,
    });
  });
});
