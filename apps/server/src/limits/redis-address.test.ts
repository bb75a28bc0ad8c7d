import { describe, expect, it } from 'vitest';
import { readConfig } from '../config.ts';
import { readRedisUrl } from './redis-address.ts';

describe('the address of a Redis', () => {
  it.each([
    ['redis://redis.internal', { host: 'redis.internal', port: 6379, db: 0 }],
    [
      'redis://ann:p%40ss@10.0.0.5:7000/3',
      { host: '10.0.0.5', port: 7000, db: 3, username: 'ann', password: 'p@ss' },
    ],
    ['redis://:secret@[::1]:7000', { host: '::1', port: 7000, db: 0, password: 'secret' }],
    ['rediss://r.example/1', { host: 'r.example', port: 6379, db: 1, tls: {} }],
    ['/run/redis/redis.sock', { path: '/run/redis/redis.sock', db: 0 }],
    [
      '/run/r.sock?user=ann&password=p%26ss&db=2',
      { path: '/run/r.sock', db: 2, username: 'ann', password: 'p&ss' },
    ],
  ])('%s is read whole', (text, address) => {
    expect(readRedisUrl(text)).toEqual(address);
  });

  it.each([
    'redis.internal:6379',
    'http://redis.internal',
    'redis://',
    'redis://r.example/two',
    'redis://r.example/0?tls=true',
    'redis://ann@r.example',
    'redis://:%zz@r.example',
    '/run/r.sock?pasword=secret',
  ])('%s starts nothing', (text) => {
    expect(() => readConfig({}, { HKS_REDIS_URL: text })).toThrow(/redis:\/\/user:password@host/);
  });
});
