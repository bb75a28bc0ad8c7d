import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { clause } from '@hexabase/kernel/text/sentences.ts';
import { fenceNamespace, managedBy } from '../drivers/vcluster/names.ts';
import { systemNamespace } from '../drivers/vcluster/policies/host-rbac.ts';
import { applyObject } from '../kube-api/apply.ts';
import { KubeCallError, KubeRefusal } from '../kube-api/call-errors.ts';
import type { TenantClient } from '../port.ts';
import { at, bad, good, unsure, type HostCheck } from './host-check.ts';

export interface IssuerCheck {
  /** `https://…/oidc`, as it stands in tokens. */
  issuer: string;
  /** Where API servers of tenants are told to find its discovery document; undefined: at the issuer itself. */
  discoveryUrl?: string | undefined;
  /** Image with a shell and wget or curl; null runs no pod. */
  image: string | null;
  /** What a shell of the image runs to print what lies at `$URL`; curl or else wget when null. */
  command: string | null;
  pullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  signal: AbortSignal;
}

const type = 'IssuerReachable';
const pollMs = 500;
const deadlineSeconds = 30;
const pods = `/api/v1/namespaces/${fenceNamespace}/pods`;

/** The certificate is not judged here: tenants are given the authority, the image does not have it. */
const defaultCommand =
  'if command -v curl >/dev/null; then curl -fsSk "$URL"; else wget -q --no-check-certificate -O - "$URL"; fi';

/**
 * Fetches the issuer's discovery document from a pod of the host cluster: tenants' API servers must reach it from there
 * to verify anybody's token. The pod is removed again, whatever comes out. When the signal aborts the answer is what the
 * pod waited for.
 */
export async function checkIssuerFromPod(client: TenantClient, options: IssuerCheck): Promise<HostCheck> {
  const { discoveryUrl, image, signal } = options;
  const document = documentOf(options);
  if (isThisMachine(document)) {
    const [which, flag] =
      discoveryUrl === undefined ? ['public', '--public-url'] : ['discovery', '--discovery-url'];
    return bad(type, {
      reason: 'NotPublic',
      message: `The ${which} address is ${new URL(document).origin}, which is another machine for every pod`,
      todo: `Start the server with ${flag} https://NAME under which pods of the host cluster reach it.`,
    });
  }
  if (image === null) {
    return unsure(type, {
      reason: 'NoImageAllowed',
      message: `Nobody tried whether pods reach ${document}: no image is allowed for it`,
      todo: 'Name an image with a shell and wget: HKS_CHECK_IMAGE.',
    });
  }
  const name = `hexabase-check-${randomBytes(4).toString('hex')}`;
  const seen: Seen = { pod: null };
  try {
    await applyObject(client, systemNamespace(), { fieldManager: 'hexabase', force: true, signal });
    await make(client, podOf(name, { ...options, image }), signal);
    return await outcome(client, { name, seen }, { ...options, image });
  } catch (error) {
    if (signal.aborted) return tookTooLong(seen.pod, document);
    if (!(error instanceof KubeRefusal) && !(error instanceof KubeCallError)) throw error;
    return unsure(type, {
      reason: 'NoPod',
      message: `A pod that tries it could not be run: ${error.message}`,
      todo: 'See the other checks first.',
    });
  } finally {
    await remove(client, name);
  }
}

/** Where an API server of a tenant asks. */
function documentOf({ issuer, discoveryUrl }: Pick<IssuerCheck, 'issuer' | 'discoveryUrl'>): string {
  return discoveryUrl ?? `${issuer}/.well-known/openid-configuration`;
}

/**
 * What a pod's print of the discovery document tells. Keys are fetched from where the document says, so they must lie at
 * the address that pods reach.
 */
export function saidInPod(
  text: string,
  { issuer, discoveryUrl }: Pick<IssuerCheck, 'issuer' | 'discoveryUrl'>,
): HostCheck {
  const document = documentOf({ issuer, discoveryUrl });
  const valueOf = (name: string) => new RegExp(`"${name}"\\s*:\\s*"([^"]*)"`).exec(text)?.[1];
  const said = valueOf('issuer');
  if (said !== issuer) {
    const why = said === undefined ? lastLine(text) : `there is ${said}`;
    const which = discoveryUrl === undefined ? 'public' : 'discovery';
    return bad(type, {
      reason: said === undefined ? 'NotReached' : 'AnotherIssuer',
      message: `A pod of the host does not get ${document}: ${why}`,
      todo: `Make the ${which} address reachable from pods (DNS, firewall, --listen)${discoveryUrl === undefined ? ' or give them another one (--discovery-url)' : ''}, then check again. Without it nobody can sign in to a workspace.`,
    });
  }
  const keys = valueOf('jwks_uri') ?? '';
  if (discoveryUrl !== undefined && !keys.startsWith(`${new URL(discoveryUrl).origin}/`)) {
    return bad(type, {
      reason: 'KeysElsewhere',
      message: `A pod of the host reads ${document}, and there that the keys lie at ${keys}`,
      todo: `What is between pods and the server must pass the Host header on as it came, with its port; and the server must have been started with this discovery address. Without it nobody can sign in to a workspace.`,
    });
  }
  const from = discoveryUrl === undefined ? '' : ` from ${document}`;
  return good(type, { reason: 'Reached', message: `A pod of the host reads ${issuer}${from}` });
}

/** Addresses that mean the pod itself when a pod uses them. */
export function isThisMachine(url: string): boolean {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '').toLowerCase();
  return (
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    host === '::1' ||
    host === '0.0.0.0' ||
    host === '::' ||
    host.startsWith('127.')
  );
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

type WithImage = IssuerCheck & { image: string };

/** The pod as it was last read; null before. */
interface Seen {
  pod: unknown;
}

async function outcome(
  client: TenantClient,
  { name, seen }: { name: string; seen: Seen },
  options: WithImage,
): Promise<HostCheck> {
  const { signal, image } = options;
  for (;;) {
    const { body } = await client.request({ method: 'GET', path: `${pods}/${name}`, signal });
    seen.pod = body;
    const phase = at(body, 'status', 'phase');
    if (phase === 'Succeeded' || phase === 'Failed') break;
    const waiting = waitingReason(body);
    if (/^(ErrImage|ImagePull|InvalidImageName|ErrImageNeverPull|CreateContainer)/.test(waiting)) {
      return unsure(type, {
        reason: waiting,
        message: `Nobody could try whether pods reach ${documentOf(options)}: the image ${image} cannot be used (${waiting})`,
        todo: 'Name an image that the nodes can pull, with a shell and wget: HKS_CHECK_IMAGE.',
      });
    }
    await sleep(pollMs, undefined, { signal });
  }
  const log = await client.request({ method: 'GET', path: `${pods}/${name}/log`, signal });
  const text = typeof log.body === 'string' ? log.body : JSON.stringify(log.body);
  return saidInPod(text, options);
}

/** The time of the check is over, and what the other checks have found is not lost with it. */
function tookTooLong(pod: unknown, document: string): HostCheck {
  const nobody = `Nobody could try whether pods reach ${document}`;
  const conditions = at(pod, 'status', 'conditions');
  const scheduled = (Array.isArray(conditions) ? conditions : []).find(
    (one) => at(one, 'type') === 'PodScheduled' && at(one, 'status') === 'False',
  );
  if (scheduled !== undefined) {
    const words = at(scheduled, 'message');
    return unsure(type, {
      reason: 'Unschedulable',
      message: `${nobody}: no node takes a pod${typeof words === 'string' ? `: ${clause(words)}` : ''}`,
      todo: 'Add nodes, free room or take taints off, then check again.',
    });
  }
  const phase = at(pod, 'status', 'phase');
  const how = [phase, waitingReason(pod)].filter((word) => typeof word === 'string' && word !== '');
  const message =
    how.length === 0
      ? `${nobody}: the host did not answer in time`
      : `${nobody}: the pod for it did not end in time (${how.join(', ')})`;
  return unsure(type, { reason: 'NoPod', message, todo: 'See the other checks first.' });
}

function podOf(name: string, options: WithImage): object {
  const { image, command, pullPolicy } = options;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: fenceNamespace, labels: { ...managedBy } },
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
          command: ['/bin/sh', '-c', `(${command ?? defaultCommand}) 2>&1`],
          env: [{ name: 'URL', value: documentOf(options) }],
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

function lastLine(log: string): string {
  return log.trim().split('\n').at(-1)?.slice(0, 300) || 'it got no answer';
}
