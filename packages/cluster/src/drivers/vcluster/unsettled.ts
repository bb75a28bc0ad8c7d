import { parse } from 'yaml';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import type { TenantClient } from '../../port.ts';
import { fieldOf, metaOf, numberOf, textOf, type Json } from './host/objects.ts';
import { readOne } from './host/read.ts';
import { namesOf, note } from './names.ts';

const answerMsMax = 10_000;

/**
 * What the name server of a tenant that answers still lacks, in words; null when it runs as the tenant's values have it. Its
 * control plane writes it some seconds after its API answers; until then the one of before stands there.
 */
export async function unsettledDns(
  { host, clientOf }: { host: TenantClient; clientOf(workspaceId: WorkspaceId): TenantClient },
  workspaceId: WorkspaceId,
  signal: AbortSignal,
): Promise<string | null> {
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
  if (dns === undefined) return 'its API does not tell of its DNS';
  if (dns === null) return 'its DNS is not there yet';
  const wanted = wantedValues(secret);
  // What was made by an earlier program has none.
  if (wanted !== '' && metaOf(dns).annotations[note.values] !== wanted)
    return 'its DNS has not been renewed yet';
  return isRolledOut(dns) ? null : 'its DNS does not run';
}

function wantedValues(secret: Json | null): string {
  const text = Buffer.from(textOf(fieldOf(secret, 'data', 'config.yaml')), 'base64').toString('utf8');
  const values: unknown = parse(text);
  const path = ['controlPlane', 'coredns', 'deployment', 'annotations', note.values];
  return textOf(fieldOf(values, ...path));
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
