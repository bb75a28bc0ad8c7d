import { mkdtemp, rm, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OperationCall } from '@hexabase/contract/call.ts';
import { organization } from '@hexabase/contract/organization.ts';
import { features } from '@hexabase/features/index.ts';
import { createExecute } from '@hexabase/features/run/execute.ts';
import type { Actor } from '@hexabase/kernel/actor.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { createUser } from '@hexabase/oidc/users.ts';
import type { Database, Tx } from '@hexabase/postgres/database.ts';
import { openDatabase, type OpenedDatabase } from '@hexabase/postgres/open-database.ts';
import { givenOrganization } from '@hexabase/testkit/given.ts';
import { sql } from 'kysely';
import { startApi } from '../../api/start-api.ts';
import { percentile } from '../kubernetes/figures.ts';
import { atMost, short } from '../product/report.ts';
import type { IdentityPart } from './part.ts';

const rounds = 2_000;
const warmUpRounds = 200;

/** What the audit entry adds to the change that it tells of. */
export const auditPart: IdentityPart = {
  name: 'audit',
  title: 'audit log',
  async measure() {
    const folder = await mkdtemp(join(tmpdir(), 'hks-bench-audit-'));
    // The database server runs as another user when we are root.
    await chmod(folder, 0o755);
    try {
      await using database = await openDatabase({
        connection: { kind: 'embedded', dataDir: folder },
        masterKey: Buffer.alloc(32, 7),
        log: silentLogger,
      });
      const actor = await givenOwner(database);
      // All that a process has, but for the database.
      await using api = await startApi();
      const ways = [database, withoutAudit(database)].map((one) =>
        createExecute(features, { ...api.ports, database: one }),
      );
      const taken = ways.map((): number[] => []);
      for (let round = -warmUpRounds; round < rounds; round += 1) {
        for (const [index, execute] of ways.entries()) {
          const begun = performance.now();
          await execute(rename(actor, `name ${round} ${index}`));
          if (round >= 0) taken[index]?.push(performance.now() - begun);
        }
      }
      await expectEntries(database, rounds + warmUpRounds);
      const [audited = [], bare = []] = taken;
      const [own, plain] = [percentile(audited, 0.5), percentile(bare, 0.5)];
      const row = atMost('audit, added to a write, p50', { value: 10, unit: '%' }, (own / plain - 1) * 100);
      return {
        how: `An organization is renamed ${rounds} times with its audit entry and, in turn, without: use case, row-level security and commit with fsync in this process and on the embedded PostgreSQL, no HTTP. Without: this benchmark keeps the one INSERT back on its way to the database.`,
        rows: [{ ...row, measured: `${row.measured} (${short(plain)} → ${short(own)} ms)` }],
        details: {
          auditedMs: { p50: own, p99: percentile(audited, 0.99) },
          bareMs: { p50: plain, p99: percentile(bare, 0.99) },
        },
      };
    } finally {
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  },
};

async function givenOwner(database: OpenedDatabase): Promise<Actor> {
  const organizationId = await givenOrganization(database);
  const email = 'owner@example.test';
  const { id: userId } = await database.asIdentity((tx) =>
    createUser(tx, { email, displayName: 'Owner', password: null }, systemClock.now()),
  );
  await database.asIdentity((tx) =>
    sql`insert into memberships (organization_id, user_id, role) values (${organizationId}, ${userId}, 'owner')`.execute(
      tx,
    ),
  );
  return {
    userId,
    email,
    sessionId: newId<'Session'>(),
    platformRole: null,
    memberships: [{ organizationId, role: 'owner' }],
  };
}

function rename(actor: Actor, name: string): OperationCall {
  return {
    operation: organization.operations.update,
    actor,
    params: { id: actor.memberships[0]?.organizationId ?? '' },
    query: {},
    body: { name },
    requestId: newId(),
    idempotencyKey: null,
    ifMatch: null,
    signal: new AbortController().signal,
  };
}

/** The same database; statements that write audit entries do not reach it. */
function withoutAudit(database: OpenedDatabase): Database {
  return {
    ...database,
    asTenant: (scope, run, options) => database.asTenant(scope, (tx) => run(keepingBack(tx)), options),
  };
}

function keepingBack(tx: Tx): Tx {
  const executeQuery: typeof tx.executeQuery = async (query, options) =>
    'sql' in query && /^\s*insert into audit_entries/.test(query.sql)
      ? { rows: [] }
      : tx.executeQuery(query, options);
  return replacing(tx, { executeQuery });
}

function replacing<T extends object>(whole: T, parts: Partial<T>): T {
  return new Proxy(whole, {
    get(target, key) {
      if (Object.hasOwn(parts, key)) return Reflect.get(parts, key);
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Neither fewer, for then nothing was measured, nor more. */
async function expectEntries(database: OpenedDatabase, wanted: number): Promise<void> {
  const { rows } = await database.asWorker((tx) =>
    sql<{
      many: number;
    }>`select count(*)::float8 as many from audit_entries where action = 'organization.update'`.execute(tx),
  );
  if (rows[0]?.many !== wanted) throw new Error(`there are ${rows[0]?.many} audit entries, not ${wanted}`);
}
