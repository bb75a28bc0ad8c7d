import { setTimeout as sleep } from 'node:timers/promises';
import { newId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import type {
  ClusterDriver,
  InventoryItem,
  Removal,
  TenantRequest,
  TenantResponse,
  TenantSpec,
  TenantState,
} from '../port.ts';
import type { DriverUnderTest, TestUser } from './driver-under-test.ts';
import { openUserDoor, type UserDoor } from './user-door.ts';

/** What the tests of the suite work with. */
export interface Scene {
  readonly driver: ClusterDriver;
  call(): { signal: AbortSignal };
  /** A new workspace that is ready, at fence 10 and generation 1. */
  readyTenant(): Promise<WorkspaceId>;
  untilReady(
    workspaceId: WorkspaceId,
    generation?: number,
  ): Promise<Extract<TenantState, { kind: 'present' }>>;
  /** Removes as a reconciler does: again and again until nothing is left. Answers everything that was removed. */
  removeWhole(workspaceId: WorkspaceId, fence: number): Promise<InventoryItem[]>;
  /** One administrative request. */
  ask(
    workspaceId: WorkspaceId,
    method: TenantRequest['method'],
    path: string,
    body?: unknown,
  ): Promise<TenantResponse>;
  /** Where users come in, as `user`. */
  doorOf(workspaceId: WorkspaceId, user: TestUser): Promise<UserDoor>;
  tokenOf(workspaceId: WorkspaceId, user: TestUser): Promise<string>;
  restart(): Promise<void>;
  parallelTenants: number;
}

export interface SceneOptions {
  under: DriverUnderTest;
  settleMs: number;
  parallelTenants: number;
}

const pollMs = 20;

export function sceneOf({ under, settleMs, parallelTenants }: SceneOptions): Scene {
  const call = () => ({ signal: AbortSignal.timeout(settleMs) });
  const untilReady: Scene['untilReady'] = (workspaceId, generation = 1) =>
    eventually(settleMs, async () => {
      const state = await under.driver().observeTenant(workspaceId, call());
      return state.kind === 'present' && state.ready && state.generation === generation ? state : null;
    });
  return {
    get driver() {
      return under.driver();
    },
    call,
    untilReady,
    async readyTenant() {
      const spec = tenantSpec();
      await under.driver().ensureTenant(spec, call());
      await untilReady(spec.workspaceId);
      return spec.workspaceId;
    },
    async removeWhole(workspaceId, fence) {
      return removedUntilNothingIsLeft(settleMs, () =>
        under.driver().removeTenant(workspaceId, fence, call()),
      );
    },
    ask: (workspaceId, method, path, body) =>
      under
        .driver()
        .tenantClient(workspaceId)
        .request({ method, path, ...call(), ...(body === undefined ? {} : { body }) }),
    doorOf: async (workspaceId, user) =>
      openUserDoor(await under.driver().upstream(workspaceId), await under.tokenFor(workspaceId, user)),
    tokenOf: (workspaceId, user) => under.tokenFor(workspaceId, user),
    restart: () => under.restart(),
    parallelTenants,
  };
}

/** A workspace that no other test knows. */
export function tenantSpec(changes: Partial<TenantSpec> = {}): TenantSpec {
  const workspaceId = changes.workspaceId ?? newId<'Workspace'>();
  return {
    workspaceId,
    slug: `conformance-${workspaceId.slice(-12)}`,
    fence: 10,
    generation: 1,
    identity: { issuer: 'https://hexabase.example/oidc', audience: `ws:${workspaceId}` },
    size: { cpuMilli: 2000, memoryMib: 4096, storageGib: 10 },
    isolation: 'shared',
    asleep: false,
    kubernetesVersion: null,
    ...changes,
  };
}

/** Repeats a removal and adds up what was seen to go. Throws when `withinMs` have passed and something is left. */
export async function removedUntilNothingIsLeft(
  withinMs: number,
  step: () => Promise<Removal>,
): Promise<InventoryItem[]> {
  const nameOf = ({ kind, key }: InventoryItem) => `${kind} ${key}`;
  const all = new Map<string, InventoryItem>();
  let before: InventoryItem[] = [];
  await eventually(withinMs, async () => {
    const { removed, left } = await step();
    const still = new Set(left.map(nameOf));
    const vanished = before.filter((item) => !still.has(nameOf(item)));
    for (const item of [...removed, ...vanished]) all.set(nameOf(item), item);
    before = left;
    return left.length === 0;
  });
  return [...all.values()];
}

/** The first answer that is something. Throws when `withinMs` have passed without one. */
export async function eventually<T>(withinMs: number, look: () => Promise<T | null | false>): Promise<T> {
  const end = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (performance.now() > end) throw new Error(`nothing came of it within ${withinMs} ms`);
    await sleep(pollMs);
  }
}
