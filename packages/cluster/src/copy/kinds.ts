import { fieldOf, listOf, textOf } from '../drivers/vcluster/host/objects.ts';
import { KubeRefusal } from '../kube-api/call-errors.ts';
import type { ResourceInfo } from '../kube-api/resource-path.ts';
import type { TenantClient } from '../port.ts';

/** A kind that an API serves and that can be listed and made. */
export interface Kind extends ResourceInfo {
  apiVersion: string;
  kind: string;
}

/**
 * All kinds whose objects the API server keeps itself, each at the version that it prefers. What another server behind it
 * keeps (an APIService with a service: metrics, for example) is not among them. Throws `KubeRefusal`.
 */
export async function servedKinds(client: TenantClient, signal: AbortSignal): Promise<Kind[]> {
  const groups = listOf(fieldOf(await readJson(client, '/apis', signal), 'groups'));
  const elsewhere = await groupsServedElsewhere(client, groups, signal);
  const kinds = kindsIn('v1', await readJson(client, '/api/v1', signal));
  for (const group of groups) {
    if (elsewhere.has(textOf(fieldOf(group, 'name')))) continue;
    const preferred = textOf(fieldOf(group, 'preferredVersion', 'groupVersion'));
    const others = listOf(fieldOf(group, 'versions')).map((version) => textOf(version['groupVersion']));
    const seen = new Set<string>();
    for (const apiVersion of new Set([preferred, ...others])) {
      const served = kindsIn(apiVersion, await readJson(client, `/apis/${apiVersion}`, signal));
      kinds.push(...served.filter(({ plural }) => !seen.has(plural)));
      for (const { plural } of served) seen.add(plural);
    }
  }
  return kinds;
}

/** The JSON that a path answers. Throws `KubeRefusal` for anything but success. */
export async function readJson(client: TenantClient, path: string, signal: AbortSignal): Promise<unknown> {
  const answer = await client.request({ method: 'GET', path, signal });
  if (answer.status !== 200) throw new KubeRefusal(path, answer);
  // Documents come as text from a server in this process.
  return typeof answer.body === 'string' ? JSON.parse(answer.body) : answer.body;
}

function kindsIn(apiVersion: string, list: unknown): Kind[] {
  return listOf(fieldOf(list, 'resources'))
    .filter(
      ({ name, verbs }) => !textOf(name).includes('/') && offers(verbs, 'list') && offers(verbs, 'create'),
    )
    .map(({ name, kind, namespaced }) => ({
      apiVersion,
      kind: textOf(kind),
      plural: textOf(name),
      namespaced: namespaced === true,
    }));
}

function offers(verbs: unknown, verb: string): boolean {
  return Array.isArray(verbs) && verbs.includes(verb);
}

async function groupsServedElsewhere(
  client: TenantClient,
  groups: readonly Record<string, unknown>[],
  signal: AbortSignal,
): Promise<Set<string>> {
  const registration = 'apiregistration.k8s.io';
  if (!groups.some((group) => group['name'] === registration)) return new Set();
  const services = listOf(
    fieldOf(await readJson(client, `/apis/${registration}/v1/apiservices`, signal), 'items'),
  );
  return new Set(
    services
      .filter(
        (one) => fieldOf(one, 'spec', 'service') !== undefined && fieldOf(one, 'spec', 'service') !== null,
      )
      .map((one) => textOf(fieldOf(one, 'spec', 'group'))),
  );
}
