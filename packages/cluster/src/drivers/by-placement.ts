import { AppError } from '@hexabase/kernel/errors.ts';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import type { ClusterDriver, ListedTenant } from '../port.ts';
import { vclusterName } from './vcluster/names.ts';

export interface PlacedDrivers {
  /** Carries every workspace that is on no host cluster. */
  builtIn: ClusterDriver;
  /** The driver of a host cluster by name; null when there is none (its credentials cannot be used, or it is gone). */
  driverOf(hostName: string): ClusterDriver | null;
  /** Host clusters that exist now, also those that cannot be reached. */
  names(): readonly string[];
  /** The host cluster of a workspace; null is the built-in driver. Also for one that is deleted already. */
  placementOf(workspaceId: WorkspaceId): Promise<string | null>;
  /** Calls `changed` whenever `names` or a driver changed. */
  onChange?(changed: () => void): Disposable;
}

/** Some host clusters could not be asked: what is not in `tenants` may well be there. */
export class PartialListError extends Error {
  readonly tenants: ListedTenant[];
  /** Names of the host clusters that did not answer. */
  readonly unreachable: readonly string[];

  /** Whether a workspace that is not in `tenants` is not there either: its own host cluster has answered. */
  readonly sees: (workspaceId: WorkspaceId) => Promise<boolean>;

  constructor(
    { tenants, unreachable, sees }: Pick<PartialListError, 'tenants' | 'unreachable' | 'sees'>,
    cause: unknown,
  ) {
    super(`these host clusters could not be asked for their tenants: ${unreachable.join(', ')}`, { cause });
    this.name = 'PartialListError';
    this.tenants = tenants;
    this.unreachable = unreachable;
    this.sees = sees;
  }
}

/**
 * One driver over several clusters: hands each call to the driver of the workspace's host cluster. A host cluster that is
 * down breaks the calls for its own workspaces and no others.
 */
export function driverByPlacement(drivers: PlacedDrivers): ClusterDriver {
  const { builtIn } = drivers;
  const of = (workspaceId: WorkspaceId) => driverFor(drivers, workspaceId);
  return {
    name: builtIn.name,
    nameFor: (workspaceId) => nameFor(drivers, workspaceId),
    ensureTenant: async (spec, call) => (await of(spec.workspaceId)).ensureTenant(spec, call),
    observeTenant: async (workspaceId, call) => (await of(workspaceId)).observeTenant(workspaceId, call),
    removeTenant: async (workspaceId, fence, call) =>
      (await of(workspaceId)).removeTenant(workspaceId, fence, call),
    listTenants: (call) => listEverywhere(drivers, call),
    tenantClient: (workspaceId) => ({
      request: async (request) => (await of(workspaceId)).tenantClient(workspaceId).request(request),
    }),
    unsettled: async (workspaceId, call) =>
      (await (await of(workspaceId)).unsettled?.(workspaceId, call)) ?? null,
    upstream: async (workspaceId) => (await of(workspaceId)).upstream(workspaceId),
    kubernetesVersions: async (workspaceId) =>
      (await (await of(workspaceId)).kubernetesVersions?.(workspaceId)) ?? [],
    newestRelease: async (workspaceId) =>
      (await (await of(workspaceId)).newestRelease?.(workspaceId)) ?? null,
    copying: async (workspaceId) => (await (await of(workspaceId)).copying?.(workspaceId)) ?? null,
    sleepEndsPods: async (workspaceId) =>
      (await (await of(workspaceId)).sleepEndsPods?.(workspaceId)) ?? false,
    watchNamespaces: (changed) => watchEverywhere(drivers, changed),
  };
}

/** Also of a host cluster that has no driver now: what is there was made by the one that there is for hosts. */
async function nameFor(drivers: PlacedDrivers, workspaceId: WorkspaceId): Promise<string> {
  const host = await drivers.placementOf(workspaceId);
  return host === null ? drivers.builtIn.name : (drivers.driverOf(host)?.name ?? vclusterName);
}

async function driverFor(drivers: PlacedDrivers, workspaceId: WorkspaceId): Promise<ClusterDriver> {
  const host = await drivers.placementOf(workspaceId);
  if (host === null) return drivers.builtIn;
  const driver = drivers.driverOf(host);
  if (driver) return driver;
  throw new AppError('cluster_unavailable', {
    message: 'The host cluster of this workspace cannot be used right now.',
    cause: `there is no driver for host cluster ${host}`,
  });
}

/** Throws `PartialListError` when a host cluster could not be asked: a list that lacks its tenants looks like a loss. */
async function listEverywhere(
  drivers: PlacedDrivers,
  call: Parameters<ClusterDriver['listTenants']>[0],
): ReturnType<ClusterDriver['listTenants']> {
  const names = drivers.names();
  const answers = await Promise.allSettled([
    listNamed(drivers.builtIn, call),
    ...names.map(async (name) => {
      const driver = drivers.driverOf(name);
      if (!driver) throw new Error(`there is no driver for host cluster ${name}`);
      return listNamed(driver, call);
    }),
  ]);
  const tenants = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  const asked = [null, ...names];
  const answered = new Set(asked.filter((_, index) => answers[index]?.status === 'fulfilled'));
  if (answered.size === asked.length) return tenants;
  const unreachable = asked.filter((name) => !answered.has(name)).map((name) => name ?? drivers.builtIn.name);
  const sees = async (workspaceId: WorkspaceId) => answered.has(await drivers.placementOf(workspaceId));
  const first = answers.find((answer) => answer.status === 'rejected');
  throw new PartialListError({ tenants, unreachable, sees }, first?.reason);
}

async function listNamed(
  driver: ClusterDriver,
  call: Parameters<ClusterDriver['listTenants']>[0],
): Promise<ListedTenant[]> {
  return (await driver.listTenants(call)).map((tenant) => ({ ...tenant, driver: driver.name }));
}

/** Follows drivers that come and go. */
function watchEverywhere(drivers: PlacedDrivers, changed: (workspaceId: WorkspaceId) => void): Disposable {
  const watched = new Map<ClusterDriver, Disposable | undefined>();
  const follow = (): void => {
    const current = new Set([
      drivers.builtIn,
      ...drivers.names().flatMap((name) => drivers.driverOf(name) ?? []),
    ]);
    for (const [driver, watch] of watched) {
      if (current.has(driver)) continue;
      watch?.[Symbol.dispose]();
      watched.delete(driver);
    }
    for (const driver of current) {
      if (!watched.has(driver)) watched.set(driver, driver.watchNamespaces?.(changed));
    }
  };
  follow();
  const following = drivers.onChange?.(follow);
  return {
    [Symbol.dispose]() {
      following?.[Symbol.dispose]();
      for (const watch of watched.values()) watch?.[Symbol.dispose]();
      watched.clear();
    },
  };
}
