import { KubeCallError } from '@hexabase/cluster/kube-api/call-errors.ts';
import type { TenantClient } from '@hexabase/cluster/port.ts';
import { fixedClock } from '@hexabase/kernel/clock.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { until } from '@hexabase/testkit/given.ts';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toHostClusterNow } from '../representation.ts';
import { askForCheck, findHostRow, insertHostRow } from '../store.ts';
import { lookAtDueHosts, startHostChecks, type HostCheckDeps } from './host-checks.ts';

const minuteMs = 60_000;
let db: TestDatabase;
let clock: ReturnType<typeof fixedClock>;
let deps: HostCheckDeps;

/** A host whose API is not there. */
const silent: TenantClient = {
  request: async () => {
    throw new KubeCallError('unreachable', 'connection refused');
  },
};

beforeEach(async () => {
  db = await testDatabase();
  clock = fixedClock(Date.now());
  const { database } = db;
  deps = { database, clock, log: silentLogger, clientOf: async () => silent, storageClass: null };
  await database.asWorker((tx) =>
    insertHostRow(tx, {
      id: 'h1',
      name: 'fra-1',
      region: 'eu',
      labels: {},
      dedicated_nodes: false,
      in_cluster: false,
      cluster_uid: null,
      server: 'https://192.0.2.7:6443',
      max_workspaces: null,
      max_cpu_milli: null,
      max_memory_mib: null,
      created_by: null,
      created_at: new Date(clock.now()),
    }),
  );
});
afterEach(() => db.close());

async function shown() {
  return db.database.asWorker(async (tx) => {
    const row = await findHostRow(tx, 'fra-1');
    if (!row) throw new Error('the host cluster is gone');
    return toHostClusterNow(tx, row, clock.now());
  });
}

async function look(): Promise<void> {
  await db.database.asWorker((tx) => askForCheck(tx, 'h1'));
  await lookAtDueHosts(deps, AbortSignal.timeout(minuteMs));
}

describe('a host cluster', () => {
  it('that does not answer is Unknown first, and False only after two minutes', async () => {
    expect((await shown()).ready).toBe('Unknown');
    await look();
    expect((await shown()).ready).toBe('Unknown');
    expect((await shown()).note).toContain('does not answer');
    clock.advance(minuteMs);
    await look();
    expect((await shown()).ready).toBe('Unknown');
    clock.advance(minuteMs);
    await look();
    const { ready, conditions } = await shown();
    expect(ready).toBe('False');
    expect(conditions.find(({ type }) => type === 'RightsGranted')?.status).toBe('Unknown');
  });

  it('that nobody has looked at for five minutes is Unknown, whatever it was', async () => {
    await db.database.asWorker((tx) =>
      sql`update host_clusters set checked_at = ${new Date(clock.now())},
        conditions = '[{"type":"Ready","status":"True","reason":"AllChecksPassed","message":"","observedGeneration":1,"lastTransitionTime":""}]'`.execute(
        tx,
      ),
    );
    expect((await shown()).ready).toBe('True');
    clock.advance(5 * minuteMs + 1);
    expect((await shown()).ready).toBe('Unknown');
  });

  it('whose credentials cannot be used says so at once', async () => {
    deps.clientOf = async () => {
      throw new Error('its credentials were encrypted under another master key');
    };
    await look();
    const { ready, note } = await shown();
    expect([ready, note.includes('another master key'), note.includes('hexabase-cli host update')]).toEqual([
      'False',
      true,
      true,
    ]);
  });

  it('that a server which is in no pod of it cannot use is not to be given credentials, which it would not take', async () => {
    await db.database.asWorker((tx) => sql`update host_clusters set in_cluster = true`.execute(tx));
    deps.clientOf = async () => {
      throw new Error('This process is in no pod of a cluster');
    };
    await look();
    const { ready, note } = await shown();
    expect([ready, note.includes('host update'), note.includes('in a pod of that cluster')]).toEqual([
      'False',
      false,
      true,
    ]);
  });

  it('is looked at by one replica only, and again when somebody asks', async () => {
    let looks = 0;
    const counting = { ...deps, clientOf: async () => ((looks += 1), silent) };
    await Promise.all([1, 2, 3].map(() => lookAtDueHosts(counting, AbortSignal.timeout(minuteMs))));
    expect(looks).toBe(1);
    await using _checks = await startHostChecks(counting);
    await db.database.asWorker((tx) => askForCheck(tx, 'h1'));
    await until(async () => looks === 2);
  });
});
