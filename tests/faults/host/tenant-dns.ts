import type { ServerResponse } from 'node:http';
import { fieldOf, textOf } from '@hexabase/cluster/drivers/vcluster/host/objects.ts';
import type { KubeClient } from '@hexabase/cluster/kube-api/client.ts';
import { resourcePath } from '@hexabase/cluster/kube-api/resource-path.ts';
import { parse } from 'yaml';

/** Where a tenant has the name server that its control plane writes. */
export const dnsPath = resourcePath('apps/v1', 'Deployment', { namespace: 'kube-system', name: 'coredns' });

/** Stands in for the name server of a tenant, `release.namespace`: as its values on the host have it, and rolled out. */
export async function sayDns(host: KubeClient, tenant: string, outgoing: ServerResponse): Promise<void> {
  const [release = '', namespace = ''] = tenant.split('.');
  const { body } = await host.request({
    method: 'GET',
    path: resourcePath('v1', 'Secret', { namespace, name: `vc-config-${release}` }),
  });
  const text = Buffer.from(textOf(fieldOf(body, 'data', 'config.yaml')), 'base64').toString('utf8');
  const annotations = fieldOf(parse(text), 'controlPlane', 'coredns', 'deployment', 'annotations');
  const dns = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'coredns', namespace: 'kube-system', generation: 1, annotations },
    spec: { replicas: 1 },
    status: { observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 1 },
  };
  outgoing.writeHead(200, { 'content-type': 'application/json' });
  outgoing.end(JSON.stringify(dns));
}
