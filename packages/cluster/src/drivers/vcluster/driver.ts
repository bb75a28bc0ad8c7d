import { brandId } from '@hexabase/kernel/id.ts';
import type { ClusterDriver } from '../../port.ts';
import { tenantAccess } from './access.ts';
import { hostReleases } from './release/releases.ts';
import { ensureTenant } from './ensure.ts';
import { hostFacts } from './host/facts.ts';
import { inWords } from './host/in-words.ts';
import { metaOf, textOf } from './host/objects.ts';
import { readAll } from './host/read.ts';
import { offeredMinors } from './kubernetes-version.ts';
import { managedBy, namesOf, vclusterName, workspaceLabel } from './names.ts';
import { observeTenant } from './observe.ts';
import type { VclusterDriverOptions } from './options.ts';
import { removeTenant } from './remove.ts';
import { unsettledDns } from './unsettled.ts';

/** A chart may come from far away. */
const newestMsMax = 90_000;

/**
 * A real vCluster per workspace on one host cluster. Everything that it knows is on the host: any process with the same
 * options continues what another began. Disposing it closes connections to tenants and changes nothing on the host.
 */
export function vclusterDriver(options: VclusterDriverOptions): ClusterDriver & AsyncDisposable {
  const { host, hostName, clock } = options;
  const access = tenantAccess(options);
  const facts = hostFacts(options);
  const releases = hostReleases(options, facts);
  return {
    name: vclusterName,
    async ensureTenant(spec, { signal }) {
      await inWords(hostName, ensureTenant({ options, releases, facts }, spec, signal));
    },
    observeTenant: (workspaceId, { signal }) =>
      inWords(
        hostName,
        observeTenant({ clock, host, hostName, clientOf: access.clientOf }, workspaceId, signal),
      ),
    async removeTenant(workspaceId, fence, { signal }) {
      const removal = await inWords(hostName, removeTenant({ host, clock, workspaceId, fence, signal }));
      await access.forget(workspaceId);
      return removal;
    },
    async listTenants({ signal }) {
      signal.throwIfAborted();
      const labelSelector = `app.kubernetes.io/managed-by=${managedBy['app.kubernetes.io/managed-by']},${workspaceLabel}`;
      const found = await readAll(host, { apiVersion: 'v1', kind: 'Namespace', labelSelector }, signal);
      return found
        .map(metaOf)
        .map(({ name, uid, labels }) => ({
          name,
          uid,
          workspaceId: brandId<'Workspace'>(textOf(labels[workspaceLabel])),
        }))
        .filter(({ name, workspaceId }) => name === namesOf(workspaceId).namespace)
        .map(({ workspaceId, uid }) => ({ workspaceId, uid }));
    },
    tenantClient: access.clientOf,
    unsettled: (workspaceId, { signal }) =>
      inWords(hostName, unsettledDns({ host, clientOf: access.clientOf }, workspaceId, signal)),
    upstream: access.upstreamOf,
    kubernetesVersions: async () => offeredMinors(options.kubernetesVersions),
    newestRelease: async () =>
      (await inWords(hostName, releases.newest(AbortSignal.timeout(newestMsMax)))).id,
    copying: async () => ({ whileAsleep: false }),
    sleepEndsPods: async () => true,
    [Symbol.asyncDispose]: () => access[Symbol.asyncDispose](),
  };
}
