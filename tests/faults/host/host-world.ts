import { fenceNamespace, namesOf, workspaceLabel } from '@hexabase/cluster/drivers/vcluster/names.ts';
import { fieldOf, listOf, metaOf, textOf } from '@hexabase/cluster/drivers/vcluster/host/objects.ts';
import type { KubeClient } from '@hexabase/cluster/kube-api/client.ts';
import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import { systemClock, type Clock } from '@hexabase/kernel/clock.ts';
import type { OrganizationId } from '@hexabase/kernel/id.ts';
import type { Registration } from '@hexabase/reconcile/registration.ts';
import { givenOrganization } from '@hexabase/testkit/given.ts';
import { testDatabase } from '@hexabase/testkit/test-database.ts';
import { sql } from 'kysely';
import { brokenRecords } from '../invariants.ts';
import { productRegistrations, type Ground, type Twist } from '../registrations.ts';
import type { WorkPlace } from '../workers.ts';
import { driverOn, type HostOrders, type HostStand } from './host-stand.ts';

/** A database and a host cluster that outlive the workers on them. */
export interface HostWorld extends WorkPlace, AsyncDisposable {
  stand: HostStand;
  driver: ClusterDriver;
  organization: OrganizationId;
}

/**
 * The reconciler of workspaces alone: what the others do, they do inside of tenants, and here all tenants are one
 * (`shared-tenant-api.ts`). They are killed in the suite without a host.
 */
export function hostRegistrations(ground: Ground, twist?: Twist): Registration[] {
  return productRegistrations(ground, twist).filter(({ kind }) => kind === 'workspace');
}

/** The machine's clock, or one that is ahead of it. */
export function clockOf({ aheadMs = 0 }: Pick<HostOrders, 'aheadMs'>): Clock {
  return { now: () => systemClock.now() + aheadMs };
}

export async function makeHostWorld(
  stand: HostStand,
  more: Pick<HostOrders, 'aheadMs'> = {},
): Promise<HostWorld> {
  const test = await testDatabase();
  const organization = await givenOrganization(test.database);
  const driver = driverOn(stand.orders);
  return {
    test,
    stand,
    driver,
    organization,
    registrations: (twist) =>
      hostRegistrations({ driver, database: test.database, clock: clockOf(more) }, twist),
    workerProgram: new URL('./worker-process.ts', import.meta.url),
    orders: { ...stand.orders, ...more },
    async [Symbol.asyncDispose]() {
      await driver[Symbol.asyncDispose]();
      await test.close();
    },
  };
}

/** Everything that must hold when nothing is being worked on; what is broken, in words. */
export async function brokenOnHost({ test, stand, driver }: HostWorld): Promise<string[]> {
  const living = await test.database.asWorker(async (tx) => {
    const { rows } = await sql<{ id: string; recorded: boolean }>`
      select id, exists (select from inventory i where i.subject = 'workspace/' || w.id) as recorded
      from workspaces w where deleted_at is null`.execute(tx);
    return rows;
  });
  const { rows: recorded } = await test.database.asWorker((tx) =>
    sql<{ key: string }>`select key from inventory`.execute(tx),
  );
  const known = new Set(living.map(({ id }) => id));
  const tenants = new Set(
    (await driver.listTenants({ signal: AbortSignal.timeout(10_000) })).map((one) => String(one.workspaceId)),
  );
  const objects = await labelledObjects(stand.administrator);
  return [
    ...(await brokenRecords(test.database)),
    ...[...tenants].filter((id) => !known.has(id)).map((id) => `I2 tenant ${id} has no workspace`),
    ...recorded
      .filter(({ key }) => !tenants.has(key))
      .map(({ key }) => `I2 ${key} is recorded but not there`),
    ...living.filter((one) => !one.recorded).map(({ id }) => `I2 ${id} is not in the inventory`),
    ...objects.flatMap((object) => wrongWith(object, known)),
  ];
}

function wrongWith({ kind, object }: Labelled, known: ReadonlySet<string>): string[] {
  const { name, namespace, labels } = metaOf(object);
  const id = textOf(labels[workspaceLabel]);
  const what = `${kind} ${namespace}/${name}`;
  const places = new Set([namesOf(id).namespace, '']);
  return [
    ...(known.has(id) ? [] : [`leaked: ${what} of a workspace that is gone`]),
    ...(places.has(namespace) ? [] : [`I8 ${what} bears the label of ${id}`]),
  ];
}

export interface Labelled {
  /** Plural. */
  kind: string;
  object: unknown;
}

/**
 * Whatever on the host bears the label of a workspace, or of this one, of every kind that the host serves. The record of
 * the fence is left out: it outlives its workspace and stops workers that come late.
 */
export async function labelledObjects(host: KubeClient, workspaceId?: string): Promise<Labelled[]> {
  const labelSelector = encodeURIComponent(workspaceLabel + (workspaceId ? `=${workspaceId}` : ''));
  const read = async (path: string): Promise<unknown> => (await host.request({ method: 'GET', path })).body;
  const groups = listOf(fieldOf(await read('/apis'), 'groups')).map((group) =>
    textOf(fieldOf(group, 'preferredVersion', 'groupVersion')),
  );
  const lists = ['/api/v1', ...groups.map((group) => `/apis/${group}`)].map(async (base) => {
    const kinds = listOf(fieldOf(await read(base), 'resources')).filter(
      ({ name, verbs }) => !textOf(name).includes('/') && Array.isArray(verbs) && verbs.includes('list'),
    );
    const found = kinds.map(async ({ name }) => {
      const kind = textOf(name);
      const list = await read(`${base}/${kind}?labelSelector=${labelSelector}`);
      return listOf(fieldOf(list, 'items')).map((object): Labelled => ({ kind, object }));
    });
    return (await Promise.all(found)).flat();
  });
  const all = (await Promise.all(lists)).flat();
  return all.filter(
    ({ kind, object }) => kind !== 'configmaps' || metaOf(object).namespace !== fenceNamespace,
  );
}
