import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import { systemClock, type Clock } from '@hexabase/kernel/clock.ts';
import { silentLogger, type Logger } from '@hexabase/kernel/log.ts';
import type { Reconciler, Step } from '@hexabase/reconcile/reconciler.ts';
import { accessKind } from '../public.ts';
import { mirrorAccess } from './mirror.ts';
import { conditionsOf, resultOf } from './mirrored.ts';
import { loadAccessSubject, saveAccess, workspacesWithAccess, type AccessSubject } from './store.ts';

export interface AccessDeps {
  driver: ClusterDriver;
  /** The machine's when absent. */
  clock?: Clock;
  log?: Logger;
}

/** Of one pass; the engine gives up a little later, and would not know what was seen until then. */
const passMsMax = 50_000;

/** Troubles of one pass that the log has in full: a workspace may have thousands, and one cause is behind most of them. */
const loggedMax = 3;

/** Mirrors roles and assignments of a workspace into its cluster, and puts back what somebody changed there. */
export function accessReconciler(deps: AccessDeps): Reconciler<AccessSubject> {
  const { clock = systemClock } = deps;
  const mirror = { name: 'mirror', steps: [mirrorStep(deps, clock)], doneWords: '' };
  return {
    kind: accessKind,
    // Webhooks of a workspace decide how long a pass takes, and whoever makes them can have it looked at again and again.
    share: 1 / 3,
    workflows: [mirror],
    load: loadAccessSubject,
    workflowFor: () => mirror,
    save: (tx, subject, status) =>
      saveAccess(tx, subject, {
        fence: status.fence,
        conditions: conditionsOf(subject, status, clock.now()),
      }),
    keys: workspacesWithAccess,
  };
}

function mirrorStep({ driver, log = silentLogger }: AccessDeps, clock: Clock): Step<AccessSubject> {
  return {
    name: 'roles-and-bindings',
    words: 'Mirroring roles and bindings',
    timeoutMs: passMsMax + 10_000,
    run: async ({ subject, fence, signal }) => {
      const { workspaceId } = subject;
      const limit = AbortSignal.any([signal, AbortSignal.timeout(passMsMax)]);
      const how = {
        client: driver.tenantClient(workspaceId),
        signal: limit,
        nowMs: clock.now(),
        turn: fence,
      };
      const troubles = await mirrorAccess(how, subject);
      if (troubles.length > 0) {
        const fields = { workspaceId, count: troubles.length, troubles: troubles.slice(0, loggedMax) };
        log.warn(fields, 'roles are not all as decided in a cluster');
      }
      return resultOf(troubles, subject, clock.now());
    },
  };
}
