import { AppError } from '@hexabase/kernel/errors.ts';
import { describe, expect, it } from 'vitest';
import { startApi } from './start-api.ts';

describe('when something behind the API breaks', () => {
  it('a lost database is 503, says so in words of ours, and is over when the database is back', async () => {
    await using api = await startApi();
    const ann = await api.owner('ann');
    const name = api.db.admin.database;
    await api.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()`,
      [name],
    );
    await api.query(`alter database ${name} connection limit 0`);
    for (const [method, path] of [
      ['GET', '/ready'],
      ['GET', '/api/v1/workspaces'],
      ['POST', '/api/v1/workspaces'],
    ] as const) {
      const answer = await ann.call(method, path, method === 'POST' ? { body: { name: 'Lost' } } : {});
      expect([path, answer.status, answer.error.code]).toEqual([path, 503, 'database_unavailable']);
      expect(answer.text).not.toMatch(/ECONN|socket|5432|connection limit|test_/);
    }
    expect((await api.call('GET', '/health')).status).toBe(200);
    await api.query(`alter database ${name} connection limit -1`);
    expect((await ann.call('GET', '/api/v1/workspaces')).meta.total).toBe(0);
  });

  it('a mistake of ours is 500 without a word about where', async () => {
    await using api = await startApi({
      execute: () => Promise.reject(new TypeError('secret at /src/file.ts select * from users')),
    });
    const ann = await api.person('ann');
    const answer = await ann.call('GET', '/api/v1/workspaces');
    expect([answer.status, answer.error.code]).toEqual([500, 'internal']);
    expect(answer.text).not.toMatch(/secret|file\.ts|select/);
  });

  it('what takes too long is given up with 504, and a full disk is 507', async () => {
    await using api = await startApi({
      requestTimeoutMs: 50,
      execute: ({ signal, operation }) =>
        operation.id === 'plan.list'
          ? Promise.reject(new AppError('storage_full'))
          : new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    });
    const ann = await api.person('ann');
    expect((await ann.call('GET', '/api/v1/workspaces')).error.code).toBe('request_timeout');
    expect((await ann.call('GET', '/api/v1/plans')).status).toBe(507);
  });
});
