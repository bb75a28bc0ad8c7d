import { tenantSpec } from '@hexabase/cluster/conformance/scene.ts';
import { tierOf } from '@hexabase/cluster/drivers/vcluster/chart/values.ts';
import { hostFacts } from '@hexabase/cluster/drivers/vcluster/host/facts.ts';
import { fieldOf, textOf } from '@hexabase/cluster/drivers/vcluster/host/objects.ts';
import { readOne } from '@hexabase/cluster/drivers/vcluster/host/read.ts';
import { clusterRoleOf, namesOf } from '@hexabase/cluster/drivers/vcluster/names.ts';
import { namespaceObjects } from '@hexabase/cluster/drivers/vcluster/objects/namespace-objects.ts';
import { defaultStorage, type VclusterDriverOptions } from '@hexabase/cluster/drivers/vcluster/options.ts';
import { hostReleases } from '@hexabase/cluster/drivers/vcluster/release/releases.ts';
import { applyObject, type ApplicableObject } from '@hexabase/cluster/kube-api/apply.ts';
import { createKubeClient } from '@hexabase/cluster/kube-api/client.ts';
import { parseKubeconfig } from '@hexabase/cluster/kube-api/endpoint.ts';
import { resourcePath } from '@hexabase/cluster/kube-api/resource-path.ts';
import type { HostUnderTest } from '@hexabase/testkit/vcluster-under-test.ts';
import { until } from './product-on-host.ts';

/** A vCluster as the chart alone makes it, with the values that the product gives it. */
export interface BareTenant {
  namespace: string;
  release: string;
  /** Server-side apply of everything, until its API answers the administrator; milliseconds. */
  start(): Promise<number>;
  remove(): Promise<void>;
}

const fieldManager = 'bench';

/** Renders it; nothing of it is on the host yet but the record of its release. */
export async function bareTenant({ options, issuer }: HostUnderTest): Promise<BareTenant> {
  const { host } = options;
  const spec = tenantSpec({ size: { cpuMilli: 2000, memoryMib: 4096, storageGib: 20 } });
  const { release } = namesOf(spec.workspaceId);
  const namespace = `bare-${release}`;
  const rendered = await objectsOf(options, {
    ...spec,
    identity: { ...spec.identity, issuer: issuer.issuer },
  });
  const objects = elsewhere(rendered, spec.workspaceId, namespace);
  const ready = async (): Promise<boolean> => {
    const signal = AbortSignal.timeout(5_000);
    const read = (kind: string, name: string) =>
      readOne(host, { apiVersion: 'v1', kind, namespace, name }, signal);
    const [service, certificates] = await Promise.all([
      read('Service', release),
      read('Secret', `${release}-certs`),
    ]);
    const encoded = textOf(fieldOf(certificates, 'data', 'admin.conf'));
    if (encoded === '') return false;
    const { certificateAuthority, credentials } = parseKubeconfig(Buffer.from(encoded, 'base64').toString());
    const server = `https://${textOf(fieldOf(service, 'spec', 'clusterIP'))}:443`;
    using client = createKubeClient({ server, certificateAuthority, credentials });
    const paths = ['/readyz', '/api/v1/namespaces/default'];
    const answers = await Promise.all(paths.map((path) => client.request({ method: 'GET', path, signal })));
    return answers.every(({ status }) => status === 200) && (await isServed(options, { namespace, release }));
  };
  return {
    namespace,
    release,
    async start() {
      const begun = performance.now();
      await applyObject(
        host,
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
        { fieldManager },
      );
      for (const object of objects) await applyObject(host, object, { fieldManager });
      await until('the bare tenant answers', ready);
      return performance.now() - begun;
    },
    async remove() {
      const clusterWide = objects.filter(({ kind }) => kind.startsWith('Cluster'));
      for (const { apiVersion, kind, metadata } of clusterWide)
        await host.request({
          method: 'DELETE',
          path: resourcePath(apiVersion, kind, { name: metadata.name }),
        });
      const path = resourcePath('v1', 'Namespace', { name: namespace });
      await host.request({ method: 'DELETE', path });
      await until(
        'the bare tenant is gone',
        async () => (await host.request({ method: 'GET', path })).status === 404,
      );
    },
  };
}

/** The service leads to the pod only once that is ready: what kubectl would wait for. */
async function isServed(
  { host }: VclusterDriverOptions,
  { namespace, release }: { namespace: string; release: string },
): Promise<boolean> {
  const wanted = { apiVersion: 'apps/v1', kind: 'StatefulSet', namespace, name: release };
  const statefulSet = await readOne(host, wanted, AbortSignal.timeout(5_000));
  return fieldOf(statefulSet, 'status', 'readyReplicas') === 1;
}

/** The chart's objects, and the file with the authentication that its values name. */
async function objectsOf(
  options: VclusterDriverOptions,
  spec: ReturnType<typeof tenantSpec>,
): Promise<ApplicableObject[]> {
  const { workspaceId, isolation, size, kubernetesVersion } = spec;
  const release = await hostReleases(options, hostFacts(options)).newest(AbortSignal.timeout(30_000));
  const tier = tierOf(size.cpuMilli);
  const rendered = await release.render({ workspaceId, isolation, tier, kubernetesVersion });
  const settings = {
    issuerAuthority: options.issuerAuthority,
    discoveryUrl: undefined,
    controlPlaneNamespace: null,
    metrics: null,
    apiPorts: [],
    stateGib: (options.storage ?? defaultStorage).sizeGib,
    kubernetesVersion: release.version(kubernetesVersion),
  };
  const own = namespaceObjects(spec, settings).filter(({ kind }) => kind === 'ConfigMap');
  return [...own, ...rendered];
}

/** In a namespace and with names that the product's policies have nothing to say about. */
function elsewhere(
  objects: readonly ApplicableObject[],
  workspaceId: string,
  namespace: string,
): ApplicableObject[] {
  const from = namesOf(workspaceId);
  const text = JSON.stringify(objects)
    .replaceAll(clusterRoleOf(from), namespace)
    .replaceAll(from.namespace, namespace);
  const moved: ApplicableObject[] = JSON.parse(text);
  return moved.map((object) =>
    object.kind.startsWith('Cluster') ? object : { ...object, metadata: { ...object.metadata, namespace } },
  );
}
