import { parse } from 'yaml';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import type { TenantClient, Unsettled } from '../../port.ts';
import { fieldOf, listOf, metaOf, numberOf, textOf, type Json } from './host/objects.ts';
import { readOne } from './host/read.ts';
import { namesOf, note } from './names.ts';
import { dnsPods } from './observe.ts';

const answerMsMax = 10_000;

/**
 * What the name server of a tenant that answers still lacks; null when it runs as the tenant's values have it. Its
 * control plane writes it some seconds after its API answers; until then the one of before stands there.
 */
export async function unsettledDns(
  { host, clientOf }: { host: TenantClient; clientOf(workspaceId: WorkspaceId): TenantClient },
  workspaceId: WorkspaceId,
  signal: AbortSignal,
): Promise<Unsettled | null> {
  const { namespace, release } = namesOf(workspaceId);
  const configuration = { apiVersion: 'v1', kind: 'Secret', namespace, name: `vc-config-${release}` };
  const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'kube-system', name: 'coredns' };
  const [secret, dns] = await Promise.all([
    readOne(host, configuration, signal),
    // That it refuses or is silent is a matter of the tenant, and no reason to ask without an end.
    readOne(
      clientOf(workspaceId),
      deployment,
      AbortSignal.any([signal, AbortSignal.timeout(answerMsMax)]),
    ).catch(() => undefined),
  ]);
  signal.throwIfAborted();
  if (dns === undefined) return perhapsTheirs('its API does not tell of its DNS');
  if (dns === null) return perhapsTheirs('its DNS is not there yet');
  const wanted = wantedValues(secret);
  // What was made by an earlier program has none.
  if (wanted.digest !== '' && metaOf(dns).annotations[note.values] !== wanted.digest)
    return perhapsTheirs('its DNS has not been renewed yet');
  if (isRolledOut(dns)) return null;
  const pods = (await dnsPods(host, { namespace, release, signal })) ?? [];
  return { why: 'its DNS does not run', isOurs: pods.some((pod) => lacksImage(pod, wanted.image)) };
}

function perhapsTheirs(why: string): Unsettled {
  return { why, isOurs: false };
}

const pullFailures: readonly string[] = ['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName'];

/**
 * The image that we gave cannot be had. That a name server ends again and again would show nothing: its configuration is
 * the tenant's to change.
 */
function lacksImage(pod: Json, image: string): boolean {
  const given = listOf(fieldOf(pod, 'spec', 'containers')).filter((one) => textOf(one['image']) === image);
  const names = new Set(given.map(({ name }) => name));
  return (
    image !== '' &&
    listOf(fieldOf(pod, 'status', 'containerStatuses')).some(
      (one) =>
        names.has(one['name']) && pullFailures.includes(textOf(fieldOf(one, 'state', 'waiting', 'reason'))),
    )
  );
}

function wantedValues(secret: Json | null): { digest: string; image: string } {
  const text = Buffer.from(textOf(fieldOf(secret, 'data', 'config.yaml')), 'base64').toString('utf8');
  const values: unknown = parse(text);
  const of = (...path: string[]) => textOf(fieldOf(values, 'controlPlane', 'coredns', 'deployment', ...path));
  return { digest: of('annotations', note.values), image: of('image') };
}

/** As `kubectl rollout status` has it. */
function isRolledOut(deployment: Json): boolean {
  const { generation } = metaOf(deployment);
  const status = fieldOf(deployment, 'status');
  const wanted = numberOf(fieldOf(deployment, 'spec', 'replicas'));
  const [seen, updated, available, all] = [
    'observedGeneration',
    'updatedReplicas',
    'availableReplicas',
    'replicas',
  ].map((field) => numberOf(fieldOf(status, field)));
  return (
    (seen ?? 0) >= generation &&
    (updated ?? 0) >= wanted &&
    (available ?? 0) >= wanted &&
    (all ?? 0) <= (updated ?? 0)
  );
}
