import { newId } from '@hexabase/kernel/id.ts';
import { silentLogger, type Logger } from '@hexabase/kernel/log.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { accessAudit, type AccessRecord } from './access-audit.ts';

let test: TestDatabase;
let organizationId: string;
let errors: string[];
const log: Logger = { ...silentLogger, error: (_fields, message) => void errors.push(message) };

beforeAll(async () => {
  test = await testDatabase();
});
afterAll(() => test?.close());
beforeEach(() => {
  organizationId = newId<'Organization'>();
  errors = [];
});

function record(change: Partial<AccessRecord> = {}): AccessRecord {
  return {
    organizationId,
    workspaceId: 'w',
    grantId: null,
    actorId: 'ada',
    actorEmail: 'ada@example.test',
    action: 'kube:get',
    target: 'workspaces/w/version',
    outcome: 'allowed',
    requestId: 'r',
    address: null,
    agent: null,
    atMs: Date.now(),
    details: { status: 200 },
    ...change,
  };
}

async function written() {
  const { rows } = await test.database.asWorker((tx) =>
    sql<{ target: string; agent: string | null; outcome: string; details: unknown }>`
      SELECT target, agent, outcome, details FROM hexabase.audit_entries WHERE organization_id = ${organizationId} ORDER BY id`.execute(
      tx,
    ),
  );
  return rows;
}

describe('the record of accesses', () => {
  it.each([
    ['a pair that is cut in two', 'a'.repeat(1_023) + '😀', 'a'.repeat(1_023)],
    ['a pair at the end', 'a'.repeat(1_022) + '😀b', 'a'.repeat(1_022) + '😀'],
    ['half a pair', 'x\ud83dy', 'x\ufffdy'],
    ['the other half', '\ude00', '\ufffd'],
    ['NUL', 'a\0b', 'a\ufffdb'],
  ])('takes whatever stands in a text: %s', async (_what, given, kept) => {
    const details = { status: 200, name: given };
    await accessAudit(test.database, log).write([
      record({ target: given, agent: given, details }),
      record({ atMs: Date.now() + 1_000 }),
    ]);
    expect(await written()).toMatchObject([
      { target: kept, agent: kept, details: { name: kept } },
      { target: 'workspaces/w/version' },
    ]);
    expect(errors).toEqual([]);
  });

  it('keeps who, when and what kind of the one that PostgreSQL refuses, says so, and has all the others', async () => {
    const records = Array.from({ length: 9 }, (_, index) => record({ target: String(index) }));
    const refused = [2, 7];
    // No such outcome is taken: the check of the table refuses it.
    for (const index of refused) Object.assign(records[index] ?? {}, { outcome: 'nonsense' });
    await accessAudit(test.database, log).write(records);
    const rows = await written();
    expect(rows.map(({ target }) => target).toSorted()).toEqual(
      ['0', '1', '3', '4', '5', '6', '8', 'workspaces/w', 'workspaces/w'].toSorted(),
    );
    const alone = rows.filter(({ target }) => target === 'workspaces/w');
    for (const row of alone)
      expect(row).toMatchObject({ outcome: 'allowed', details: { status: 200, unwritable: true } });
    expect(errors).toHaveLength(2);
  });

  it('writes none when the database fails, so that the same batch can come again', async () => {
    const away = { asWorker: () => Promise.reject(new Error('the database is away')) };
    await expect(accessAudit(away, log).write([record()])).rejects.toThrow('away');
    expect(await written()).toEqual([]);
  });
});
