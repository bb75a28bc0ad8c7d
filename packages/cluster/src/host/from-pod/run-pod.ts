import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { clause } from '@hexabase/kernel/text/sentences.ts';
import { fenceNamespace, managedBy } from '../../drivers/vcluster/names.ts';
import { systemNamespace } from '../../drivers/vcluster/policies/host-rbac.ts';
import { applyObject } from '../../kube-api/apply.ts';
import { KubeCallError, KubeRefusal } from '../../kube-api/call-errors.ts';
import type { TenantClient } from '../../port.ts';
import { at } from '../host-check.ts';

export interface PodRun {
  /** Image with a shell. */
  image: string;
  pullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  /** For the shell; what it says is read, on both outputs. */
  script: string;
  /** The script's `$URL`. */
  url: string;
  /** What the pod is for, as it stands in `Nobody could try whether …`. */
  whether: string;
  labels?: Readonly<Record<string, string>>;
  signal: AbortSignal;
}

/** What the script said, or in words why it could not be run. */
export type PodSaid = { said: string } | { reason: string; message: string; todo: string };

const pollMs = 500;
const deadlineSeconds = 30;
const pods = `/api/v1/namespaces/${fenceNamespace}/pods`;

/**
 * Runs a script once in a pod of the host cluster, as somebody without any rights. The pod is removed again, whatever comes out. When the
 * signal aborts the answer is what the pod waited for.
 */
export async function runPod(client: TenantClient, run: PodRun): Promise<PodSaid> {
  const { signal, whether } = run;
  const name = `hexabase-check-${randomBytes(4).toString('hex')}`;
  const seen: Seen = { pod: null };
  try {
    await applyObject(client, systemNamespace(), { fieldManager: 'hexabase', force: true, signal });
    await make(client, podOf(name, run), signal);
    return await outcome(client, { name, seen }, run);
  } catch (error) {
    if (signal.aborted) return tookTooLong(seen.pod, whether);
    if (!(error instanceof KubeRefusal) && !(error instanceof KubeCallError)) throw error;
    return {
      reason: 'NoPod',
      message: `A pod that tries it could not be run: ${error.message}`,
      todo: 'See the other checks first.',
    };
  } finally {
    await remove(client, name);
  }
}

const accountMsMax = 10_000;

/** A namespace that was made just now has no account for pods yet; the host refuses pods until it has. */
async function make(client: TenantClient, pod: object, signal: AbortSignal): Promise<void> {
  const until = performance.now() + accountMsMax;
  for (;;) {
    const made = await client.request({ method: 'POST', path: pods, body: pod, signal });
    if (made.status < 300) return;
    const refusal = new KubeRefusal(`POST ${pods}`, made);
    if (!refusal.message.includes('service account') || performance.now() > until) throw refusal;
    await sleep(pollMs, undefined, { signal });
  }
}

/** The pod as it was last read; null before. */
interface Seen {
  pod: unknown;
}

async function outcome(
  client: TenantClient,
  { name, seen }: { name: string; seen: Seen },
  { signal, image, whether }: PodRun,
): Promise<PodSaid> {
  for (;;) {
    const { body } = await client.request({ method: 'GET', path: `${pods}/${name}`, signal });
    seen.pod = body;
    const phase = at(body, 'status', 'phase');
    if (phase === 'Succeeded' || phase === 'Failed') break;
    const waiting = waitingReason(body);
    if (/^(ErrImage|ImagePull|InvalidImageName|ErrImageNeverPull|CreateContainer)/.test(waiting)) {
      return {
        reason: waiting,
        message: `Nobody could try whether ${whether}: the image ${image} cannot be used (${waiting})`,
        todo: 'Name an image that the nodes can pull, with a shell and wget: HKS_CHECK_IMAGE.',
      };
    }
    await sleep(pollMs, undefined, { signal });
  }
  const log = await client.request({ method: 'GET', path: `${pods}/${name}/log`, signal });
  return { said: typeof log.body === 'string' ? log.body : JSON.stringify(log.body) };
}

/** The time of the check is over, and what the other checks have found is not lost with it. */
function tookTooLong(pod: unknown, whether: string): PodSaid {
  const nobody = `Nobody could try whether ${whether}`;
  const conditions = at(pod, 'status', 'conditions');
  const scheduled = (Array.isArray(conditions) ? conditions : []).find(
    (one) => at(one, 'type') === 'PodScheduled' && at(one, 'status') === 'False',
  );
  if (scheduled !== undefined) {
    const words = at(scheduled, 'message');
    return {
      reason: 'Unschedulable',
      message: `${nobody}: no node takes a pod${typeof words === 'string' ? `: ${clause(words)}` : ''}`,
      todo: 'Add nodes, free room or take taints off, then check again.',
    };
  }
  const phase = at(pod, 'status', 'phase');
  const how = [phase, waitingReason(pod)].filter((word) => typeof word === 'string' && word !== '');
  const message =
    how.length === 0
      ? `${nobody}: the host did not answer in time`
      : `${nobody}: the pod for it did not end in time (${how.join(', ')})`;
  return { reason: 'NoPod', message, todo: 'See the other checks first.' };
}

function podOf(name: string, { image, pullPolicy, script, url, labels }: PodRun): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: fenceNamespace, labels: { ...managedBy, ...labels } },
    spec: {
      restartPolicy: 'Never',
      activeDeadlineSeconds: deadlineSeconds,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65_534,
        runAsGroup: 65_534,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: 'check',
          image,
          imagePullPolicy: pullPolicy,
          command: ['/bin/sh', '-c', `(${script}) 2>&1`],
          env: [{ name: 'URL', value: url }],
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { cpu: '200m', memory: '64Mi' } },
        },
      ],
    },
  };
}

async function remove(client: TenantClient, name: string): Promise<void> {
  // Not with the caller's signal: the pod goes also when the check was given up.
  await client
    .request({
      method: 'DELETE',
      path: `${pods}/${name}`,
      body: { gracePeriodSeconds: 0 },
      signal: AbortSignal.timeout(10_000),
    })
    .catch(() => undefined);
}

function waitingReason(pod: unknown): string {
  const statuses = at(pod, 'status', 'containerStatuses');
  const reason = at(Array.isArray(statuses) ? statuses[0] : undefined, 'state', 'waiting', 'reason');
  return typeof reason === 'string' ? reason : '';
}
