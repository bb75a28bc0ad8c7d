import { setTimeout as sleep } from 'node:timers/promises';
import {
  deleteObject,
  ensureObject,
  metadataOf,
  readObject,
  type Place,
} from '@hexabase/cluster/ensure-object.ts';
import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import { isAppError } from '@hexabase/kernel/errors.ts';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import type { Step, StepContext } from '@hexabase/reconcile/reconciler.ts';
import { wakeAccess } from '../../access/public.ts';
import { putBack } from '../../access/reconcile/put-back.ts';
import { defaultClusterBindings, presetClusterRoles } from '../../access/reconcile/wanted-objects.ts';
import type { WorkspaceSubject } from './store.ts';
import { noHostYet } from './loss/no-host-yet.ts';
import { audienceOf, type TenantDeps } from './tenant.ts';

const labels = { 'app.kubernetes.io/managed-by': 'hexabase' };
const roles = '/apis/rbac.authorization.k8s.io/v1/clusterroles';
const bindings = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings';

export function identityStep(deps: TenantDeps): Step<WorkspaceSubject> {
  return {
    name: 'identity-trust',
    words: 'Setting up sign-in',
    timeoutMs: 30_000,
    run: async ({ subject, signal }) => {
      await publishIdentity(deps, subject.id, signal);
      return {
        kind: 'done',
        conditions: [{ type: 'IdentityReady', status: 'True', reason: 'Published', message: '' }],
      };
    },
  };
}

/** Publishes whom the cluster trusts: tools in the workspace read it instead of being told. */
export async function publishIdentity(
  { driver, issuer }: TenantDeps,
  workspaceId: WorkspaceId,
  signal: AbortSignal,
): Promise<void> {
  const place = {
    client: driver.tenantClient(workspaceId),
    path: '/api/v1/namespaces/kube-public/configmaps',
    signal,
  };
  await ensureObject(place, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'hexabase-oidc-config', namespace: 'kube-public', labels },
    data: {
      'issuer-url': issuer,
      'client-id': audienceOf(workspaceId),
      'username-claim': 'email',
      'username-prefix': 'hexabase:',
      'groups-claim': 'groups',
      'groups-prefix': '',
    },
  });
}

/** What every workspace has. Its own roles and what was given follow by a reconciler of their own, which also puts them back. */
export function accessStep(deps: TenantDeps): Step<WorkspaceSubject> {
  return {
    name: 'access',
    words: 'Setting up roles and groups',
    timeoutMs: 60_000,
    run: async ({ subject, signal }) => {
      const client = deps.driver.tenantClient(subject.id);
      await ensurePresetRoles(deps, subject.id, signal);
      await Promise.all(
        defaultClusterBindings(subject.groups).map((binding) =>
          ensureObject({ client, path: bindings, signal }, binding),
        ),
      );
      return {
        kind: 'done',
        conditions: [{ type: 'AccessReady', status: 'True', reason: 'RolesInPlace', message: '' }],
      };
    },
    commit: (tx, { subject }) => wakeAccess(tx, [subject.id]),
  };
}

export async function ensurePresetRoles(
  { driver }: TenantDeps,
  workspaceId: WorkspaceId,
  signal: AbortSignal,
): Promise<void> {
  const place = { client: driver.tenantClient(workspaceId), path: roles, signal };
  await Promise.all(presetClusterRoles().map((role) => ensureObject(place, role)));
}

const closing = { tries: 3, pauseMs: 500, msMax: 10_000 };

/**
 * First thing of a removal: from here on nobody's group gives anything in the cluster. The gateway lets nobody in any more
 * already, and soon there is no cluster: what refuses this inside, for example a webhook that its own administrator made
 * and that nobody can take away now, is told and holds up nothing.
 */
export function closeAccessStep(driver: ClusterDriver): Step<WorkspaceSubject> {
  return {
    name: 'close-access',
    words: 'Ending access',
    timeoutMs: 30_000,
    run: async (context) => {
      if (context.subject.nothingMade) return noHostYet;
      const state = await driver.observeTenant(context.subject.id, { signal: context.signal });
      const refusal = state.kind === 'present' && state.ready ? await whyNotClosed(driver, context) : '';
      const said =
        refusal === '' ? '' : `Goes on without ending access inside, the gateway has ended it: ${refusal}`;
      return {
        kind: 'done',
        said,
        conditions: [{ type: 'AccessReady', status: 'False', reason: 'Deleting', message: said }],
      };
    },
  };
}

/** '' when all is closed; in words what the cluster answered to the last of a few tries in a short time. */
async function whyNotClosed(
  driver: ClusterDriver,
  { subject, signal }: Pick<StepContext<WorkspaceSubject>, 'subject' | 'signal'>,
): Promise<string> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(closing.msMax)]);
  const place = { client: driver.tenantClient(subject.id), path: bindings, signal: limit };
  let words = '';
  for (let tried = 0; tried < closing.tries && !limit.aborted; tried++) {
    try {
      if (tried > 0) await sleep(closing.pauseMs, undefined, { signal: limit });
      await closeInside(place, subject);
      return '';
    } catch (error) {
      signal.throwIfAborted();
      // The time being over says less than what was answered before it was.
      if (words === '' || !limit.aborted)
        words = isAppError(error) ? error.message : 'It did not answer in time.';
    }
  }
  return words;
}

async function closeInside(place: Place, { groups }: WorkspaceSubject): Promise<void> {
  await putBack(place, []);
  for (const { metadata } of defaultClusterBindings(groups)) {
    const found = await readObject(place, metadata.name);
    if (found) await deleteObject(place, metadata.name, metadataOf(found).uid);
  }
}
