import { setTimeout as sleep } from 'node:timers/promises';
import { ensureObject, readObject, type WantedObject } from '@hexabase/cluster/ensure-object.ts';
import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import type { ConditionInput } from '@hexabase/kernel/conditions.ts';
import { AppError, isAppError } from '@hexabase/kernel/errors.ts';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import { sentences } from '@hexabase/kernel/text/sentences.ts';
import type { Step, StepContext } from '@hexabase/reconcile/reconciler.ts';
import { wakeAccess } from '../../access/public.ts';
import { collection } from '../../access/reconcile/mirror.ts';
import { putBack, putOneBack } from '../../access/reconcile/put-back.ts';
import { takeAway } from '../../access/reconcile/take-away.ts';
import type { Collection, Trouble } from '../../access/reconcile/trouble.ts';
import { defaultClusterBindings, presetClusterRoles } from '../../access/reconcile/wanted-objects.ts';
import type { WorkspaceSubject } from './store.ts';
import { noHostYet } from './loss/no-host-yet.ts';
import { damped } from './probe.ts';
import { audienceOf, clockOf, type TenantDeps } from './tenant.ts';

const labels = { 'app.kubernetes.io/managed-by': 'hexabase' };

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
      const nowMs = clockOf(deps).now();
      const how = { client: deps.driver.tenantClient(subject.id), signal, nowMs };
      const troubles = [
        ...(await inPlace(collection(how, 'ClusterRole'), presetClusterRoles())),
        ...(await inPlace(collection(how, 'ClusterRoleBinding'), defaultClusterBindings(subject.groups))),
      ];
      return { kind: 'done', conditions: [accessReady(troubles, subject, nowMs)] };
    },
    commit: (tx, { subject }) => wakeAccess(tx, [subject.id]),
  };
}

/**
 * What a workspace that has worked refuses inside is told, and keeps nothing else from going on: it is its own doing, and the
 * mirror of its roles goes on trying. Throws for a new one.
 */
function accessReady(
  troubles: readonly Trouble[],
  { conditions, observedGeneration }: WorkspaceSubject,
  nowMs: number,
): ConditionInput {
  const type = 'AccessReady';
  const [trouble] = troubles;
  if (!trouble) return { type, status: 'True', reason: 'RolesInPlace', message: '' };
  if (observedGeneration === 0) throw refusedWith(trouble);
  const message = sentences(trouble.words);
  return damped(conditions, { type, status: 'False', reason: 'RefusedInside', message }, nowMs);
}

/** Throws AppError `cluster_unavailable` where something does not become as it should be. */
export async function ensurePresetRoles(
  deps: TenantDeps,
  workspaceId: WorkspaceId,
  signal: AbortSignal,
): Promise<void> {
  const how = { client: deps.driver.tenantClient(workspaceId), signal, nowMs: clockOf(deps).now() };
  const [trouble] = await inPlace(collection(how, 'ClusterRole'), presetClusterRoles());
  if (trouble) throw refusedWith(trouble);
}

/** Answers what the cluster refuses. Throws AppError `cluster_unavailable` when it does not answer. */
async function inPlace(place: Collection, wanted: readonly WantedObject[]): Promise<Trouble[]> {
  const found = await Promise.all(
    wanted.map(async (one) => putOneBack(place, one, await readObject(place, one.metadata.name))),
  );
  const troubles = found.filter((one) => one !== null);
  const silent = troubles.find(({ kind }) => kind === 'silent');
  if (silent?.error) throw silent.error;
  return troubles;
}

function refusedWith({ words, error }: Trouble): AppError {
  return new AppError('cluster_unavailable', { message: sentences(words), cause: error });
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
  const client = driver.tenantClient(subject.id);
  const place = collection({ client, signal: limit, nowMs: systemClock.now() }, 'ClusterRoleBinding');
  let words = '';
  for (let tried = 0; tried < closing.tries && !limit.aborted; tried++) {
    try {
      if (tried > 0) await sleep(closing.pauseMs, undefined, { signal: limit });
      const found = await closeInside(place, subject);
      if (found === '') return '';
      signal.throwIfAborted();
      if (words === '' || !limit.aborted) words = found;
    } catch (error) {
      signal.throwIfAborted();
      // The time being over says less than what was answered before it was.
      if (words === '' || !limit.aborted)
        words = isAppError(error) ? error.message : 'It did not answer in time.';
    }
  }
  return words;
}

/** Answers what is in the way, in words; '' when nobody's group gives anything any more. */
async function closeInside(place: Collection, { groups }: WorkspaceSubject): Promise<string> {
  const troubles: (Trouble | null)[] = await putBack(place, []);
  for (const { metadata } of defaultClusterBindings(groups)) {
    const found = await readObject(place, metadata.name);
    if (found) troubles.push(await takeAway(place, found));
  }
  const trouble = troubles.find((one) => one !== null);
  return trouble?.error?.message ?? trouble?.words ?? '';
}
