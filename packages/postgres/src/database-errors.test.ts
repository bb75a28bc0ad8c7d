import { expect, test } from 'vitest';
import { AppError } from '@hexabase/kernel/errors.ts';
import { brokenUnique, mapDatabaseError } from './database-errors.ts';

function failure(code: string, more: Record<string, unknown> = {}): Error {
  return Object.assign(new Error('from the driver'), { code, ...more });
}

test.each([
  ['57P01', 'database_unavailable'],
  ['ECONNREFUSED', 'database_unavailable'],
  ['08006', 'database_unavailable'],
  ['55P03', 'database_unavailable'],
  ['40001', 'database_unavailable'],
  ['53100', 'storage_full'],
  ['57014', 'request_timeout'],
  ['23503', 'conflict'],
])('%s becomes %s', (code, expected) => {
  expect(mapDatabaseError(failure(code))).toMatchObject({ code: expected });
});

test('what a caller can answer to is left as it is', () => {
  const broken = failure('23505', { constraint: 'workspaces_slug' });
  expect(mapDatabaseError(broken)).toBe(broken);
  expect(brokenUnique(broken)).toBe('workspaces_slug');
  expect(brokenUnique(failure('23503'))).toBeNull();
  const own = new AppError('conflict');
  expect(mapDatabaseError(own)).toBe(own);
});
