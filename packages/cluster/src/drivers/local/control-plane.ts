import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '@hexabase/kernel/clock.ts';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import { authenticationConfiguration } from '../../authentication-configuration.ts';
import type { TenantClient } from '../../port.ts';
import type { LocalBinaries } from './binaries.ts';
import { componentsOf, type Component } from './components.ts';
import { areFree, freePorts } from './ports.ts';
import { findComponent, lastWords, runningComponents, startComponent, stopComponents } from './processes.ts';
import { applySimulatedNodes } from './simulated-nodes.ts';
import { simulationStages } from './simulation-stages.ts';
import {
  readIfThere,
  readPorts,
  readRecord,
  tenantFolders,
  tenantPaths,
  writeAtomic,
  writeIfChanged,
  type TenantPaths,
  type TenantPorts,
  type TenantRecord,
} from './tenant-folder.ts';
import { ensureTrust } from './trust.ts';

export interface ControlPlaneDeps {
  root: string;
  binaries: LocalBinaries;
  /** PEM of the authority that signs the issuer's certificate. */
  issuerAuthority: () => string | null;
  clock: Clock;
  client(workspaceId: WorkspaceId): TenantClient;
}

export interface ControlPlane {
  workspaceId: WorkspaceId;
  paths: TenantPaths;
}

const readyPollMs = 100;
/** An orderly end of a program may take this long when its data are kept. */
export const stopGraceMs = 5_000;

/**
 * Brings one control plane to what its record says: files, programs, nodes. Repeatable at any time; programs that run
 * already, whoever started them, are left alone. Throws with the last words of a program that ended.
 */
export async function bringUp(
  deps: ControlPlaneDeps,
  { workspaceId, paths }: ControlPlane,
  signal: AbortSignal,
): Promise<void> {
  const record = await readRecord(paths);
  if (record?.wanted !== 'awake') return;
  await writeIfChanged(paths.authentication, authenticationOf(deps, record));
  await writeIfChanged(paths.stages, simulationStages());
  const ports = await settledPorts(deps, paths);
  await ensureTrust(paths, { apiPort: ports.api, nowMs: deps.clock.now() });
  const components = componentsOf(paths, ports, deps.binaries);
  const isServing = ({ name }: Component) => name === 'etcd' || name === 'kube-apiserver';
  for (const component of components.filter(isServing)) await ensureRunning(paths, component, signal);
  const client = deps.client(workspaceId);
  await untilReady(paths, client, signal);
  const settled = (await settledGeneration(paths)) === record.generation;
  if (!settled && deps.binaries.kwok !== null) await applySimulatedNodes(client, record.size, signal);
  for (const component of components) {
    if (!isServing(component)) await ensureRunning(paths, component, signal);
  }
  if (settled) return;
  await untilControlled(paths, client, signal);
  await writeAtomic(paths.settled, String(record.generation));
}

/** Generation of the spec that is all there, once; 0 before the first. */
export async function settledGeneration(paths: TenantPaths): Promise<number> {
  return Number((await readIfThere(paths.settled)) ?? 0);
}

async function ensureRunning(paths: TenantPaths, component: Component, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if ((await findComponent(paths, component.name)) === null) await startComponent(paths, component);
}

/** The ports of last time, so that connections find their way back; others when somebody else has taken one. */
async function settledPorts(deps: ControlPlaneDeps, paths: TenantPaths): Promise<TenantPorts> {
  const known = await readPorts(paths);
  const serving = (await runningComponents(paths)).filter(
    (name) => name === 'etcd' || name === 'kube-apiserver',
  );
  if (known && serving.length > 0) return known;
  // Programs without a record of their pid would be in the way of new ones.
  await stopComponents(paths, stopGraceMs);
  if (known && (await areFree(known))) return known;
  const ids = await tenantFolders(deps.root);
  const others = await Promise.all(ids.map((id) => readPorts(tenantPaths(deps.root, id))));
  const ports = await freePorts(new Set(others.flatMap((taken) => (taken ? Object.values(taken) : []))));
  await writeAtomic(paths.ports, JSON.stringify(ports));
  return ports;
}

/** As long as both programs live: a busy machine takes its time. */
async function untilReady(paths: TenantPaths, client: TenantClient, signal: AbortSignal): Promise<void> {
  for (;;) {
    if (await answersReady(client, signal)) return;
    for (const name of ['etcd', 'kube-apiserver'] as const) {
      if ((await findComponent(paths, name)) !== null) continue;
      throw new Error(`${name} has ended: ${await lastWords(paths, name)}`);
    }
    await sleep(readyPollMs, undefined, { signal });
  }
}

/**
 * A new cluster answers before it can be worked with: the controllers fill the roles `view`, `edit` and `admin`, without
 * which a binding to them gives nothing, and make the service account that pods need.
 */
async function untilControlled(paths: TenantPaths, client: TenantClient, signal: AbortSignal): Promise<void> {
  const roles = '/apis/rbac.authorization.k8s.io/v1/clusterroles';
  for (;;) {
    const edit = await client.request({ method: 'GET', path: `${roles}/edit`, signal });
    const account = '/api/v1/namespaces/default/serviceaccounts/default';
    const { status } = await client.request({ method: 'GET', path: account, signal });
    if (status === 200 && hasRules(edit.body)) return;
    if ((await findComponent(paths, 'kube-controller-manager')) === null) {
      throw new Error(
        `kube-controller-manager has ended: ${await lastWords(paths, 'kube-controller-manager')}`,
      );
    }
    await sleep(readyPollMs, undefined, { signal });
  }
}

function hasRules(role: unknown): boolean {
  return (
    role !== null &&
    typeof role === 'object' &&
    'rules' in role &&
    Array.isArray(role.rules) &&
    role.rules.length > 0
  );
}

/** Whether the API takes requests now. Rejects only when the signal aborts. */
export async function answersReady(client: TenantClient, signal: AbortSignal): Promise<boolean> {
  try {
    return (await client.request({ method: 'GET', path: '/readyz', signal })).status === 200;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

function authenticationOf(deps: ControlPlaneDeps, { identity }: TenantRecord): string {
  return JSON.stringify(
    authenticationConfiguration({ ...identity, certificateAuthority: deps.issuerAuthority() }),
  );
}
