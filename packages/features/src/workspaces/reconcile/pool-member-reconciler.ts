import type { Tx } from '@hexabase/postgres/database.ts';
import type { Reconciler, Step, Workflow } from '@hexabase/reconcile/reconciler.ts';
import { ensurePresetRoles, publishIdentity } from './access.ts';
import { hostConditions } from './probe.ts';
import {
  dropMember,
  loadMember,
  markReady,
  markUnready,
  memberKind,
  noteMemberVersion,
  poolMembers,
  saveMember,
  type PoolMember,
} from './pool-store.ts';
import {
  clockOf,
  controlPlane,
  ensureTenant,
  proveRemovedStep,
  removeTenantStep,
  tenantThing,
  type TenantDeps,
} from './tenant.ts';

const pollMs = 1_000;
/** Below that of every workspace: whoever takes a member writes what is newer. */
const generation = 0;

/** Makes tenants in advance and keeps them in order until a workspace takes them, or they are too many. */
export function poolMemberReconciler(deps: TenantDeps): Reconciler<PoolMember> {
  const keep: Workflow<PoolMember> = {
    name: 'keep',
    steps: [makeStep(deps), readyStep(deps), furnishStep(deps)],
    doneWords: 'Ready to be taken',
  };
  const remove: Workflow<PoolMember> = {
    name: 'delete',
    steps: [removeTenantStep(deps), proveRemovedStep(deps), dropStep],
    removes: true,
    doneWords: 'Gone',
  };
  return {
    kind: memberKind,
    workflows: [keep, remove],
    load: loadMember,
    workflowFor: (member) => (member.deletionRequested ? remove : keep),
    save: saveMember,
    keys: poolMembers,
  };
}

function makeStep(deps: TenantDeps): Step<PoolMember> {
  return {
    name: 'tenant-cluster',
    words: 'Starting the Kubernetes API',
    timeoutMs: 120_000,
    makes: async ({ id }) => [await tenantThing(deps.driver, id)],
    run: async ({ subject, fence, signal }) => {
      return ensureTenant(deps, { subject: { ...subject, generation }, fence, signal, asleep: false });
    },
  };
}

function readyStep({ driver, ...rest }: TenantDeps): Step<PoolMember> {
  return {
    name: 'wait-ready',
    words: 'Waiting for the Kubernetes API',
    timeoutMs: 30_000,
    looks: true,
    run: async ({ subject, signal }) => {
      const state = await driver.observeTenant(subject.id, { signal });
      const conditions = hostConditions(subject, state, clockOf({ driver, ...rest }).now());
      if (state.kind === 'present' && state.ready) {
        const { kubernetesVersion: version, release = null } = state;
        return {
          kind: 'done',
          conditions: [...conditions, controlPlane('True', 'Running', '')],
          write: (tx) => noteMemberVersion(tx, subject.id, { version, release }),
        };
      }
      const condition = controlPlane('False', 'Starting', 'The Kubernetes API is starting');
      const write = (tx: Tx) => markUnready(tx, subject.id);
      return { kind: 'wait', requeueAfterMs: pollMs, condition, conditions, write };
    },
  };
}

/** What every workspace has in it, whosever it will be: writing it takes the tenant longer than reading that it is there. */
function furnishStep(deps: TenantDeps): Step<PoolMember> {
  return {
    name: 'furnish',
    words: 'Setting up sign-in and roles',
    timeoutMs: 60_000,
    run: async ({ subject, signal }) => {
      await publishIdentity(deps, subject.id, signal);
      await ensurePresetRoles(deps, subject.id, signal);
      return { kind: 'done' };
    },
    commit: (tx, { subject }) => markReady(tx, subject.id),
  };
}

const dropStep: Step<PoolMember> = {
  name: 'drop',
  words: 'Closing the books',
  timeoutMs: 10_000,
  commit: (tx, { subject }) => dropMember(tx, subject.id),
};
