import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import { FencedError } from '@hexabase/cluster/port.ts';
import type { ConditionInput } from '@hexabase/kernel/conditions.ts';
import type { ExternalThing, Step } from '@hexabase/reconcile/reconciler.ts';
import { LeaseLostError } from '@hexabase/reconcile/step-log.ts';
import type { WorkspaceSubject } from './store.ts';

export interface TenantDeps {
  driver: ClusterDriver;
  /** Issuer of tokens, `https://…/oidc`. */
  issuer: string;
}

/** A tenant cluster that just starts is looked at this often. */
const readyPollMs = 250;
const removalPollMs = 500;

export function tenantThing(driver: ClusterDriver, workspaceId: string): ExternalThing {
  return { cluster: driver.name, kind: 'kubernetes-cluster', key: workspaceId };
}

/** Audience of the tokens of one workspace (product's token contract). */
export function audienceOf(workspaceId: string): string {
  return `ws:${workspaceId}`;
}

export function ensureTenantStep({ driver, issuer }: TenantDeps): Step<WorkspaceSubject> {
  return {
    name: 'tenant-cluster',
    words: 'Starting the Kubernetes API',
    timeoutMs: 120_000,
    makes: ({ id }) => [tenantThing(driver, id)],
    run: async ({ subject, fence, signal }) => {
      const { id, slug, generation, size, isolation } = subject;
      const identity = { issuer, audience: audienceOf(id) };
      const rest = { isolation, asleep: false, kubernetesVersion: null };
      await unlessFenced(
        id,
        driver.ensureTenant(
          { workspaceId: id, slug, fence, generation, identity, size, ...rest },
          { signal },
        ),
      );
      return { kind: 'done' };
    },
  };
}

export function waitReadyStep({ driver }: TenantDeps): Step<WorkspaceSubject> {
  return {
    name: 'wait-ready',
    words: 'Waiting for the Kubernetes API',
    timeoutMs: 30_000,
    looks: true,
    run: async ({ subject, signal }) => {
      const state = await driver.observeTenant(subject.id, { signal });
      if (state.kind === 'present' && state.ready && state.generation >= subject.generation) {
        return { kind: 'done', conditions: [controlPlane('True', 'Running', 'The Kubernetes API answers')] };
      }
      const reason = state.kind === 'absent' ? 'NotThereYet' : 'Starting';
      const condition = controlPlane(
        subject.observedGeneration === 0 ? 'False' : 'Unknown',
        reason,
        'The Kubernetes API is starting',
      );
      return { kind: 'wait', requeueAfterMs: readyPollMs, condition };
    },
  };
}

export function removeTenantStep({ driver }: TenantDeps): Step<WorkspaceSubject> {
  return {
    name: 'remove-cluster',
    words: 'Removing the Kubernetes API and everything in it',
    timeoutMs: 120_000,
    run: async ({ subject, fence, signal }) => {
      const { left } = await unlessFenced(subject.id, driver.removeTenant(subject.id, fence, { signal }));
      if (left.length === 0) return { kind: 'done' };
      const names = left.map((item) => `${item.kind} ${item.key}`).join(', ');
      return {
        kind: 'wait',
        requeueAfterMs: removalPollMs,
        condition: controlPlane('Unknown', 'Removing', `Still there: ${names}`),
      };
    },
  };
}

/** Believes only what it sees: the inventory is emptied when the cluster is not there any more. */
export function proveRemovedStep({ driver }: TenantDeps): Step<WorkspaceSubject> {
  return {
    name: 'prove-removed',
    words: 'Checking that nothing is left',
    timeoutMs: 30_000,
    looks: true,
    run: async ({ subject, signal }) => {
      const state = await driver.observeTenant(subject.id, { signal });
      if (state.kind === 'absent') return { kind: 'done', released: 'all' };
      return {
        kind: 'wait',
        requeueAfterMs: removalPollMs,
        condition: controlPlane('Unknown', 'Removing', 'The cluster is still there'),
      };
    },
  };
}

async function unlessFenced<T>(workspaceId: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof FencedError) throw new LeaseLostError(`workspace/${workspaceId}`);
    throw error;
  }
}

function controlPlane(status: ConditionInput['status'], reason: string, message: string): ConditionInput {
  return { type: 'ControlPlaneReady', status, reason, message };
}
