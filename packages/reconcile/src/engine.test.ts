import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Condition } from '@hexabase/kernel/conditions.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { startEngine, type Engine, type EngineOptions } from './engine.ts';
import { claimDue, enqueue } from './queue.ts';
import { register } from './registration.ts';
import type { Reconciler, ReportPart, Step, Subject } from './reconciler.ts';

/** The simplest thing that can be reconciled: a lamp whose light is the external effect. */
interface Lamp extends Subject {
  removing: boolean;
}

let test1: TestDatabase;
let stack: AsyncDisposableStack;
let lit: Map<string, number>;

beforeEach(async () => {
  test1 = await testDatabase();
  stack = new AsyncDisposableStack();
  lit = new Map();
  const { Client } = await import('pg');
  const client = new Client({ connectionString: test1.adminUrl });
  await client.connect();
  await client.query(`create table hexabase.lamps (id text primary key, generation int not null default 1, observed int not null default 0,
    conditions jsonb not null default '[]', progress jsonb, operation_id text, removing boolean not null default false, fence bigint not null default 0,
    saves int not null default 0)`);
  await client.query('grant all on hexabase.lamps to hexabase_worker');
  await client.end();
});
afterEach(async () => {
  await stack.disposeAsync();
  await test1.close();
});

const darken: Step<Lamp> = {
  name: 'darken',
  words: 'Darkening',
  timeoutMs: 1000,
  run: async ({ subject }) => {
    lit.delete(subject.id);
    return { kind: 'done', released: [{ cluster: 'c', kind: 'light', key: subject.id }] };
  },
};

function lamps(steps: readonly Step<Lamp>[], ending = darken): Reconciler<Lamp> {
  const create = { name: 'create', steps, doneWords: 'The lamp shines' };
  const remove = {
    name: 'delete',
    removes: true,
    doneWords: 'The lamp is gone',
    steps: [
      ending,
      {
        name: 'forget',
        words: 'Forgetting',
        timeoutMs: 1000,
        commit: async (
          tx: Parameters<NonNullable<Step<Lamp>['commit']>>[0],
          { subject }: { subject: Lamp },
        ) => {
          await sql`delete from lamps where id = ${subject.id}`.execute(tx);
        },
      },
    ],
  };
  return {
    kind: 'lamp',
    workflows: [create, remove],
    async load(tx, key) {
      const { rows } = await sql<{
        id: string;
        generation: number;
        observed: number;
        conditions: Condition[];
        operation_id: string | null;
        removing: boolean;
      }>`select * from lamps where id = ${key}`.execute(tx);
      const row = rows[0];
      return row
        ? { ...row, organizationId: 'org', observedGeneration: row.observed, operationId: row.operation_id }
        : null;
    },
    workflowFor: (lamp) => (lamp.removing ? remove : create),
    async save(tx, lamp, status) {
      await sql`update lamps set conditions = ${JSON.stringify(status.conditions)}::jsonb, observed = ${status.observedGeneration},
        progress = ${status.progress && JSON.stringify(status.progress)}::jsonb, fence = ${status.fence}, saves = saves + 1
        where id = ${lamp.id} and fence <= ${status.fence}`.execute(tx);
    },
    async keys(tx) {
      return (await sql<{ id: string }>`select id from lamps`.execute(tx)).rows.map((row) => row.id);
    },
  };
}

const shine: Step<Lamp> = {
  name: 'shine',
  words: 'Lighting',
  timeoutMs: 1000,
  makes: (lamp) => [{ cluster: 'c', kind: 'light', key: lamp.id }],
  run: async ({ subject }) => {
    lit.set(subject.id, (lit.get(subject.id) ?? 0) + 1);
    return { kind: 'done', conditions: [{ type: 'Lit', status: 'True', reason: 'Shines', message: '' }] };
  },
};

async function start(reconciler: Reconciler<Lamp>, more: Partial<EngineOptions> = {}): Promise<Engine> {
  return stack.use(
    await startEngine({
      database: test1.database,
      registrations: [register(reconciler)],
      clock: systemClock,
      log: silentLogger,
      random: () => 0.05,
      ...more,
    }),
  );
}

async function addLamp(id: string): Promise<void> {
  await test1.database.asWorker(async (tx) => {
    await sql`insert into lamps (id, operation_id) values (${id}, ${`op-${id}`})`.execute(tx);
    await sql`insert into operations (id, organization_id, kind, subject) values (${`op-${id}`}, 'org', 'lamp.create', ${`lamp/${id}`})`.execute(
      tx,
    );
    await enqueue(tx, 'lamp', id);
  });
}

async function removeLamp(id: string): Promise<void> {
  await test1.database.asWorker(async (tx) => {
    await sql`insert into operations (id, organization_id, kind, subject) values ('op-del', 'org', 'lamp.delete', ${`lamp/${id}`})`.execute(
      tx,
    );
    await sql`update lamps set removing = true, operation_id = 'op-del', generation = 2`.execute(tx);
    await enqueue(tx, 'lamp', id);
  });
}

async function read<T>(query: ReturnType<typeof sql<T>>): Promise<T[]> {
  return test1.database.asWorker(async (tx) => (await query.execute(tx)).rows);
}

async function until<T>(look: () => Promise<T | null | undefined | false>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const operationEnds = (id: string) =>
  until(
    async () =>
      (
        await read(
          sql<{
            state: string;
            report: unknown;
            message: string;
          }>`select * from operations where id = ${id} and state <> 'running'`,
        )
      )[0],
  );

test('a new thing goes through its steps and its operation ends', async () => {
  await start(lamps([shine]));
  await addLamp('a');
  expect(await operationEnds('op-a')).toMatchObject({ state: 'succeeded', message: 'The lamp shines' });
  const [lamp] = await read(
    sql<{ observed: number; conditions: Condition[]; progress: unknown }>`select * from lamps`,
  );
  expect(lamp?.observed).toBe(1);
  expect(lamp?.progress).toBeNull();
  expect(lamp?.conditions.map(({ type, status }) => `${type}=${status}`)).toEqual(['Lit=True', 'Ready=True']);
  const events = await read(
    sql<{ step: string; kind: string }>`select step, kind from operation_events order by at`,
  );
  expect(events.map(({ step, kind }) => `${step} ${kind}`)).toEqual(['shine intent', 'shine done']);
  expect(await read(sql`select key, subject from inventory`)).toEqual([{ key: 'a', subject: 'lamp/a' }]);
});

test('what is made outside is in the inventory before it is made', async () => {
  let recorded: unknown[] = [];
  await start(
    lamps([
      {
        ...shine,
        run: async (context) => {
          recorded = await read(sql`select key from inventory`);
          return (await shine.run?.(context)) ?? { kind: 'done' };
        },
      },
    ]),
  );
  await addLamp('a');
  await operationEnds('op-a');
  expect(recorded).toEqual([{ key: 'a' }]);
});

test('a step that fails is tried again, and steps that are done are not', async () => {
  let failures = 2;
  const flaky: Step<Lamp> = {
    name: 'flaky',
    words: 'Trying',
    timeoutMs: 1000,
    run: async () => {
      if (failures-- > 0) throw new Error('not yet, secret detail');
      return { kind: 'done' };
    },
  };
  await start(lamps([shine, flaky]));
  await addLamp('a');
  expect(await operationEnds('op-a')).toMatchObject({ state: 'succeeded' });
  expect(lit.get('a')).toBe(1);
  const events = await read(
    sql<{
      kind: string;
      attempt: number;
      message: string;
    }>`select kind, attempt, message from operation_events where step = 'flaky' order by at`,
  );
  expect(events.map(({ kind, attempt }) => `${attempt} ${kind}`)).toEqual([
    '1 intent',
    '1 failed',
    '2 intent',
    '2 failed',
    '3 intent',
    '3 done',
  ]);
  expect(events.some((event) => event.message.includes('secret'))).toBe(false);
});

test('what nobody could look at becomes Unknown and never False; what fails under our eyes becomes False', async () => {
  const failing = (error: Error): Step<Lamp> => ({
    name: 'look',
    words: 'Looking',
    timeoutMs: 1000,
    run: () => Promise.reject(error),
  });
  const readyOf = async (error: Error, id: string): Promise<string | undefined> => {
    const engine = await start(lamps([failing(error)]), { random: () => 0 });
    await addLamp(id);
    const found = await until(async () => {
      const [lamp] = await read(sql<{ conditions: Condition[] }>`select * from lamps where id = ${id}`);
      return lamp?.conditions.find(({ type }) => type === 'Ready');
    });
    await engine[Symbol.asyncDispose]();
    return found.status;
  };
  expect(await readyOf(new AppError('cluster_unavailable'), 'dark')).toBe('Unknown');
  expect(await readyOf(new Error('broken'), 'broken')).toBe('False');
});

test('a terminal failure ends the operation and waits for somebody', async () => {
  const condition = {
    type: 'Synced',
    status: 'False' as const,
    reason: 'BadInput',
    message: 'The bulb does not fit',
  };
  await start(
    lamps([
      {
        name: 'fit',
        words: 'Fitting',
        timeoutMs: 1000,
        run: async () => ({ kind: 'failed', terminal: true, condition }),
      },
    ]),
  );
  await addLamp('a');
  expect(await operationEnds('op-a')).toMatchObject({ state: 'failed', message: 'The bulb does not fit' });
  const [lamp] = await read(sql<{ conditions: Condition[] }>`select * from lamps`);
  expect(lamp?.conditions.find((entry) => entry.type === 'Stalled')).toMatchObject({
    status: 'True',
    reason: 'BadInput',
  });
});

test('a wait that takes too long loses nothing of what it saw and did', async () => {
  const condition = {
    type: 'Lit',
    status: 'Unknown' as const,
    reason: 'Warming',
    message: 'It is warming up',
  };
  const power = { type: 'Power', status: 'True' as const, reason: 'On', message: '' };
  await start(
    lamps([
      {
        name: 'warm',
        words: 'Warming',
        timeoutMs: 1000,
        run: async () => ({
          kind: 'wait',
          requeueAfterMs: 1,
          condition,
          conditions: [power],
          write: async (tx) => {
            await sql`update lamps set saves = saves + 1000`.execute(tx);
          },
        }),
      },
    ]),
    { clock: { now: () => systemClock.now() + 21 * 60_000 } },
  );
  await addLamp('a');
  const lamp = await until(async () => {
    const [found] = await read(sql<{ conditions: Condition[]; saves: number }>`select * from lamps`);
    return found?.conditions.some(({ reason }) => reason === 'TookTooLong') && found;
  });
  expect(lamp.conditions).toContainEqual(expect.objectContaining(power));
  expect(lamp.saves).toBeGreaterThanOrEqual(1000);
});

test('what was given up stays so while drift repair only waits', async () => {
  const condition = { type: 'Lit', status: 'Unknown', reason: 'Warming', message: '' } as const;
  const wait = { kind: 'wait', requeueAfterMs: 1, condition } as const;
  await start(lamps([{ name: 'warm', words: 'Warming', timeoutMs: 1000, run: async () => wait }]));
  const told = { reason: 'X', message: 'x', observedGeneration: 1, lastTransitionTime: '2026-01-01' };
  const failed = { type: 'Synced', status: 'False', ...told };
  const given = [failed, { ...failed, type: 'Stalled', status: 'True' }];
  await read(sql`insert into lamps (id, conditions) values ('a', ${JSON.stringify(given)}::jsonb)`);
  await test1.database.asWorker((tx) => enqueue(tx, 'lamp', 'a'));
  const saved = sql<{ conditions: Condition[] }>`select * from lamps where saves > 2`;
  const lamp = await until(async () => (await read(saved))[0]);
  expect(lamp.conditions).toEqual([...given, expect.objectContaining(condition)]);
});

test('a wake-up that comes while a key is worked on is not lost', async () => {
  let runs = 0;
  const entered = Promise.withResolvers<void>();
  const leave = Promise.withResolvers<void>();
  await start(
    lamps([
      {
        name: 'slow',
        words: 'Waiting',
        timeoutMs: 30_000,
        run: async () => {
          if (++runs === 1) {
            entered.resolve();
            await leave.promise;
          }
          return { kind: 'done' };
        },
      },
    ]),
  );
  await addLamp('a');
  await entered.promise;
  await test1.database.asWorker((tx) => enqueue(tx, 'lamp', 'a'));
  leave.resolve();
  await until(async () => runs >= 2);
});

test('a worker that lost its lease writes nothing more', async () => {
  const entered = Promise.withResolvers<void>();
  const leave = Promise.withResolvers<void>();
  const engine = await start(
    lamps([
      {
        ...shine,
        run: async () => {
          entered.resolve();
          await leave.promise;
          return { kind: 'done', conditions: [{ type: 'Lit', status: 'True', reason: 'Late', message: '' }] };
        },
      },
    ]),
  );
  await addLamp('a');
  await entered.promise;
  await read(sql`update reconcile_queue set lease_expires_at = now() - interval '1 second'`);
  const [claim] = await claimDue(
    { database: test1.database, owner: 'another' },
    { kinds: ['lamp'], without: [], limit: 1 },
  );
  leave.resolve();
  await engine[Symbol.asyncDispose]();
  const [lamp] = await read(sql<{ conditions: Condition[] }>`select * from lamps`);
  expect(lamp?.conditions).toEqual([]);
  expect(await read(sql`select lease_owner as owner, fence::float8 as fence from reconcile_queue`)).toEqual([
    { owner: 'another', fence: claim?.fence },
  ]);
});

test('a name that belongs to something else is never taken over', async () => {
  await start(lamps([shine]));
  await read(
    sql`insert into inventory (cluster, kind, key, subject, fence) values ('c', 'light', 'a', 'lamp/other', 1)`,
  );
  await addLamp('a');
  expect(await operationEnds('op-a')).toMatchObject({ state: 'failed' });
  expect(lit.has('a')).toBe(false);
  expect(await read(sql`select subject from inventory`)).toEqual([{ subject: 'lamp/other' }]);
});

test('a removal reports what was removed and forgets the key', async () => {
  await start(lamps([shine]));
  await addLamp('a');
  await operationEnds('op-a');
  await removeLamp('a');
  expect(await operationEnds('op-del')).toMatchObject({
    state: 'succeeded',
    report: { removed: [{ kind: 'light', key: 'a' }], left: [] },
  });
  await until(async () => (await read(sql`select 1 from reconcile_queue`)).length === 0);
  expect(await read(sql`select 1 from lamps union all select 1 from inventory`)).toEqual([]);
});

test('what a removal has seen to be left and sees no more counts as removed, and nothing else does', async () => {
  const condition = { type: 'Lit', status: 'Unknown', reason: 'Removing', message: '' } as const;
  const [cable, bulb] = [
    { kind: 'cable', key: 'a' },
    { kind: 'bulb', key: 'a', why: 'it is hot' },
  ];
  const looks: ReportPart[] = [{ left: [cable, bulb] }, { checked: ['nothing'] }, { left: [bulb] }];
  let cold = false;
  const ending: Step<Lamp> = {
    ...darken,
    run: async (context) => {
      if (cold) return { ...(await darken.run?.(context)), kind: 'done', report: { left: [] } };
      const report = looks.shift();
      return { kind: 'wait', requeueAfterMs: 10, condition, ...(report && { report }) };
    },
  };
  await start(lamps([shine], ending));
  await addLamp('a');
  await operationEnds('op-a');
  await removeLamp('a');
  const report = () => read(sql<{ report: unknown }>`select report from operations where id = 'op-del'`);
  await until(async () => looks.length === 0 && (await report())[0]?.report);
  await expect.poll(report).toEqual([
    {
      report: {
        removed: [cable],
        left: expect.toSatisfy((left: unknown[]) => left.length === 2),
        checked: ['nothing'],
      },
    },
  ]);
  cold = true;
  const { report: last } = (await operationEnds('op-del')) ?? {};
  expect(last).toMatchObject({ left: [], checked: ['nothing'] });
  expect(last).toHaveProperty(
    'removed',
    expect.toSatisfy(
      (items: { kind: string }[]) =>
        items
          .map(({ kind }) => kind)
          .toSorted()
          .join() === 'bulb,cable,light',
    ),
  );
});

test('an operation that a later one overtook ends too', async () => {
  await test1.database.asWorker((tx) =>
    sql`insert into operations (id, organization_id, kind, subject, created_at) values ('old', 'org', 'lamp.create', 'lamp/a', now() - interval '1 minute')`.execute(
      tx,
    ),
  );
  await start(lamps([shine]));
  await addLamp('a');
  await operationEnds('op-a');
  expect(await operationEnds('old')).toMatchObject({
    state: 'succeeded',
    message: 'A later operation took over',
  });
});

test('a row without a queue entry is found by the resync', async () => {
  await read(sql`insert into lamps (id) values ('lost')`);
  await start(lamps([shine]));
  await until(async () => lit.has('lost'));
});

test('a step that hangs is given up after its time', async () => {
  let tries = 0;
  await start(
    lamps([
      {
        name: 'hang',
        words: 'Hanging',
        timeoutMs: 50,
        run: () => (++tries === 1 ? new Promise(() => undefined) : Promise.resolve({ kind: 'done' })),
      },
    ]),
  );
  await addLamp('a');
  expect(await operationEnds('op-a')).toMatchObject({ state: 'succeeded' });
});
