import { fixedClock, type Clock } from '@hexabase/kernel/clock.ts';
import { completed, openTestStore, type TestStore } from '../auth/store-for-tests.ts';
import { StatusError, type Status } from '../api/status-error.ts';
import { servedResources } from '../schema/catalog.ts';
import type { KubeObject, ResourceInfo } from '../types.ts';
import { admit } from './admit.ts';
import type { AdmissionContext } from './context.ts';

/** What a test sends through admission. */
export interface Attempt {
  operation?: AdmissionContext['operation'];
  subresource?: string;
  old?: KubeObject;
  dryRun?: boolean;
  clock?: Clock;
}

export type Outcome =
  | { object: KubeObject; warnings: string[]; release: () => void; refused?: undefined }
  | { refused: Status; warnings: string[]; release?: undefined; object?: undefined };

/** A cluster with the namespace `team`. */
export async function openTeam(labels: Record<string, string> = {}): Promise<TestStore> {
  const cluster = await openTestStore();
  await cluster.put('/namespaces', {
    kind: 'Namespace',
    metadata: { name: 'team', labels },
    status: { phase: 'Active' },
  });
  await cluster.put('/serviceaccounts', {
    kind: 'ServiceAccount',
    metadata: { name: 'default', namespace: 'team' },
  });
  return cluster;
}

/** Runs one write through admission without storing it. */
export async function attempt(
  cluster: TestStore,
  given: Record<string, unknown>,
  more: Attempt = {},
): Promise<Outcome> {
  const object = structuredClone(completed(given));
  const info = infoOf(object.kind);
  const warnings: string[] = [];
  const {
    operation = 'CREATE',
    subresource = '',
    old,
    dryRun = false,
    clock = fixedClock(Date.parse('2026-01-01T00:00:00Z')),
  } = more;
  const { namespace = '', name } = object.metadata;
  const context: AdmissionContext = {
    operation,
    info,
    subresource,
    namespace,
    name,
    object: operation === 'DELETE' ? undefined : object,
    old,
    user: { username: 'alice', groups: [] },
    store: cluster.store,
    dryRun,
    clock,
    warn: (message) => warnings.push(message),
  };
  try {
    const admitted = await admit(context);
    return { object: admitted.object ?? object, warnings, release: admitted.release ?? (() => undefined) };
  } catch (error) {
    if (error instanceof StatusError) return { refused: error.status, warnings };
    throw error;
  }
}

/** Admits and, when nothing speaks against it, stores: what the registry does. Answers the refusal's message. */
export async function create(
  cluster: TestStore,
  given: Record<string, unknown>,
  more: Attempt = {},
): Promise<string> {
  const outcome = await attempt(cluster, given, more);
  if (outcome.refused) return outcome.refused.message ?? '';
  await cluster.put(infoOf(outcome.object.kind).groupResource, outcome.object);
  return 'created';
}

/** A pod of one container in `team`. */
export function pod(
  name: string,
  more: { container?: object; spec?: object; metadata?: object } = {},
): Record<string, unknown> {
  const containers = [{ name: 'c', image: 'nginx', ...more.container }];
  return {
    kind: 'Pod',
    metadata: { name, namespace: 'team', ...more.metadata },
    spec: { containers, ...more.spec },
  };
}

function infoOf(kind: string): ResourceInfo {
  const info = servedResources().find((resource) => resource.kind === kind);
  if (!info) throw new Error(`kind ${kind} is not served`);
  return info;
}
