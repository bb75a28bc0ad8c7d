import { randomUUID } from 'node:crypto';
import { mkdir, rm, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Clock } from '@hexabase/kernel/clock.ts';
import type { ConditionInput } from '@hexabase/kernel/conditions.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import { lockFolder } from '@hexabase/kernel/process/folder-lock.ts';
import {
  FencedError,
  type ClusterDriver,
  type InventoryItem,
  type TenantSpec,
  type TenantState,
  type Upstream,
} from '../../port.ts';
import { refuseLost } from '../../tenant-lost.ts';
import { findLocalBinaries, type LocalBinaries } from './binaries.ts';
import { componentsOf } from './components.ts';
import { answersReady, bringUp, settledGeneration, stopGraceMs } from './control-plane.ts';
import { createKeeper, type Keeper } from './keeper.ts';
import { processesOf, runningComponents, stopComponents } from './processes.ts';
import { tenantClients, type TenantClients } from './tenant-clients.ts';
import {
  readFence,
  readIfThere,
  readPorts,
  readRecord,
  tenantFolders,
  tenantPaths,
  writeFence,
  writeRecord,
  type TenantPaths,
  type TenantRecord,
} from './tenant-folder.ts';
import { trustFiles } from './trust.ts';

export interface LocalDriverOptions {
  /** Folder that holds everything: records, data, keys, logs. Made 0700. */
  root: string;
  /** Folder with kube-apiserver, etcd, kube-controller-manager, kube-scheduler and, for simulated nodes, kwok. */
  binaries: string;
  /** PEM of the authority that signs the issuer's certificate; read anew when it may have changed. */
  issuerAuthority: () => string | null;
  clock: Clock;
  log: Logger;
}

const upstreamMs = 1_000;

/** Disposing it ends all programs and keeps all data. */
export type LocalDriver = ClusterDriver & AsyncDisposable;

/**
 * A real kube-apiserver, etcd, controller manager and scheduler per workspace, on the loopback address of this machine,
 * with simulated nodes. All state is in `root` and in the clusters: programs that a killed process left running are
 * found again, others start anew on the same data. Throws `LocalBinariesError`, or an Error when another living process
 * has the folder.
 */
export async function localDriver(options: LocalDriverOptions): Promise<LocalDriver> {
  const root = resolve(options.root);
  const binaries = await findLocalBinaries(options.binaries);
  await mkdir(root, { recursive: true, mode: 0o700 });
  await using opened = new AsyncDisposableStack();
  opened.use(await lockFolder(root));
  const clients = opened.use(tenantClients(root));
  opened.defer(() => stopAll(root));
  const deps = { ...options, root, binaries, client: clients.of };
  const keeper = opened.use(
    createKeeper(
      (id, signal) => bringUp(deps, { workspaceId: id, paths: tenantPaths(root, id) }, signal),
      options.log,
    ),
  );
  await takeOver(root, keeper);
  const resources = opened.move();
  const driver = driverOf({ root, binaries, keeper, clients, clock: options.clock });
  return { ...driver, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

interface Parts {
  root: string;
  binaries: LocalBinaries;
  keeper: Keeper;
  clients: TenantClients;
  clock: Clock;
}

function driverOf(parts: Parts): ClusterDriver {
  const { root, binaries, clients, clock } = parts;
  const inTurn = turns();
  const upstreams = rememberedUpstreams(root, clock);
  return {
    name: 'local',
    ensureTenant: (spec, { signal }) =>
      inTurn(spec.workspaceId, async () => {
        signal.throwIfAborted();
        await ensure(parts, spec);
      }),
    observeTenant: (workspaceId, { signal }) => observe(parts, workspaceId, signal),
    removeTenant: (workspaceId, fence, { signal }) =>
      inTurn(workspaceId, async () => {
        signal.throwIfAborted();
        upstreams.forget(workspaceId);
        return remove(parts, workspaceId, fence);
      }),
    async listTenants({ signal }) {
      signal.throwIfAborted();
      const tenants: { workspaceId: WorkspaceId; uid: string }[] = [];
      for (const workspaceId of await tenantFolders(root)) {
        const record = await readRecord(tenantPaths(root, workspaceId));
        if (record) tenants.push({ workspaceId, uid: record.uid });
      }
      return tenants;
    },
    kubernetesVersions: async () => [binaries.kubernetesMinor],
    copying: async () => ({ whileAsleep: false }),
    tenantClient: clients.of,
    upstream: upstreams.of,
  };
}

/** The gateway asks for each request: files are read once a second at most. */
function rememberedUpstreams(root: string, clock: Clock) {
  const known = new Map<WorkspaceId, { found: Promise<Upstream>; atMs: number }>();
  return {
    of(workspaceId: WorkspaceId): Promise<Upstream> {
      const remembered = known.get(workspaceId);
      if (remembered && clock.now() - remembered.atMs < upstreamMs) return remembered.found;
      const found = readUpstream(root, workspaceId);
      found.catch(() => known.delete(workspaceId));
      known.set(workspaceId, { found, atMs: clock.now() });
      return found;
    },
    forget: (workspaceId: WorkspaceId): void => void known.delete(workspaceId),
  };
}

async function readUpstream(root: string, workspaceId: WorkspaceId): Promise<Upstream> {
  const paths = tenantPaths(root, workspaceId);
  const ports = await readPorts(paths);
  const certificateAuthority = await readIfThere(trustFiles(paths).certificateAuthority);
  if (!ports || certificateAuthority === null) throw new AppError('cluster_unavailable');
  return { kind: 'url', url: `https://127.0.0.1:${ports.api}`, certificateAuthority };
}

async function ensure({ root, keeper }: Parts, spec: TenantSpec): Promise<void> {
  const paths = tenantPaths(root, spec.workspaceId);
  const before = await readRecord(paths);
  refuseLost(spec.uid, before?.uid ?? null, 'Its folder on this machine');
  await claim(paths, spec.workspaceId, spec.fence);
  await writeRecord(paths, {
    uid: before?.uid ?? randomUUID(),
    slug: spec.slug,
    generation: spec.generation,
    identity: spec.identity,
    size: spec.size,
    wanted: spec.asleep ? 'asleep' : 'awake',
  });
  if (!spec.asleep) return keeper.keep(spec.workspaceId);
  await keeper.release(spec.workspaceId);
  await stopComponents(paths, stopGraceMs);
}

/** Refuses who is older than the last one that changed it, also after a removal; remembers who is newer. */
async function claim(paths: TenantPaths, workspaceId: WorkspaceId, fence: number): Promise<void> {
  const highest = await readFence(paths);
  if (fence < highest) throw new FencedError(workspaceId);
  if (fence > highest) await writeFence(paths, fence);
}

async function observe(
  { root, binaries, keeper, clients }: Parts,
  workspaceId: WorkspaceId,
  signal: AbortSignal,
): Promise<TenantState> {
  signal.throwIfAborted();
  const paths = tenantPaths(root, workspaceId);
  const record = await readRecord(paths);
  if (!record) return { kind: 'absent' };
  const version = record.wanted === 'awake' ? await answeringVersion(clients, workspaceId, signal) : null;
  const ports = await readPorts(paths);
  const expected = ports ? componentsOf(paths, ports, binaries).length : Infinity;
  const running = await runningComponents(paths);
  const whole = running.length >= expected;
  const settled = (await settledGeneration(paths)) === record.generation;
  return {
    kind: 'present',
    uid: record.uid,
    generation: record.generation,
    ready: version !== null && whole && settled,
    asleep: record.wanted === 'asleep' && running.length === 0,
    kubernetesVersion: version,
    conditions: conditionsOf(record, {
      problem: keeper.problem(workspaceId),
      hasNodes: binaries.kwok !== null,
    }),
  };
}

async function answeringVersion(
  clients: TenantClients,
  workspaceId: WorkspaceId,
  signal: AbortSignal,
): Promise<string | null> {
  const client = clients.of(workspaceId);
  if (!(await answersReady(client, signal))) return null;
  try {
    const { body } = await client.request({ method: 'GET', path: '/version', signal });
    const found = body !== null && typeof body === 'object' && 'gitVersion' in body ? body.gitVersion : null;
    return typeof found === 'string' ? found : null;
  } catch {
    signal.throwIfAborted();
    return null;
  }
}

function conditionsOf(
  { wanted }: TenantRecord,
  { problem, hasNodes }: { problem: string | null; hasNodes: boolean },
): ConditionInput[] {
  if (wanted !== 'awake') return [];
  const crashed: ConditionInput[] =
    problem === null
      ? []
      : [{ type: 'ControlPlaneHealthy', status: 'False', reason: 'ProgramEnded', message: problem }];
  const noNodes: ConditionInput[] = hasNodes
    ? []
    : [
        {
          type: 'NodesReady',
          status: 'False',
          reason: 'NoKwok',
          message:
            'There are no simulated nodes, because the folder of binaries has no kwok; pods stay Pending.',
        },
      ];
  return [...crashed, ...noNodes];
}

/** Ends the programs at once, for their data go too, and looks afterwards whether anything is left. */
async function remove({ root, keeper, clients }: Parts, workspaceId: WorkspaceId, fence: number) {
  const paths = tenantPaths(root, workspaceId);
  await claim(paths, workspaceId, fence);
  const record = await readRecord(paths);
  if (record) await writeRecord(paths, { ...record, wanted: 'removing' });
  await keeper.release(workspaceId);
  const stopped = await stopComponents(paths, 0);
  clients.forget(workspaceId);
  await rm(paths.folder, { recursive: true, force: true });
  const removed: InventoryItem[] = [
    ...(record ? [{ kind: 'kubernetes-cluster', key: workspaceId }] : []),
    ...stopped.map((name) => ({ kind: 'process', key: `${workspaceId}/${name}` })),
  ];
  const left: InventoryItem[] = [
    ...((await exists(paths.folder)) ? [{ kind: 'folder', key: workspaceId }] : []),
    ...(await processesOf(paths)).map((pid) => ({ kind: 'process', key: `${workspaceId}/${pid}` })),
  ];
  return { removed, left, checked: ['programs of this machine', 'the folder of the workspace'] };
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}

/** After a start: goes on with what should run, and clears away what a crash left half made or half removed. */
async function takeOver(root: string, keeper: Keeper): Promise<void> {
  for (const workspaceId of await tenantFolders(root)) {
    const paths = tenantPaths(root, workspaceId);
    const record = await readRecord(paths);
    if (record?.wanted === 'awake') {
      keeper.keep(workspaceId);
      continue;
    }
    await stopComponents(paths, record ? stopGraceMs : 0);
    if (!record) await rm(paths.folder, { recursive: true, force: true });
  }
}

async function stopAll(root: string): Promise<void> {
  const ids = await tenantFolders(root);
  await Promise.all(ids.map((id) => stopComponents(tenantPaths(root, id), stopGraceMs)));
}

/** Work on one workspace never overlaps. */
function turns(): <T>(workspaceId: WorkspaceId, work: () => Promise<T>) => Promise<T> {
  const last = new Map<WorkspaceId, Promise<unknown>>();
  return (workspaceId, work) => {
    const mine = (last.get(workspaceId) ?? Promise.resolve()).then(work, work);
    last.set(workspaceId, mine);
    const done = () => {
      if (last.get(workspaceId) === mine) last.delete(workspaceId);
    };
    mine.then(done, done);
    return mine;
  };
}
