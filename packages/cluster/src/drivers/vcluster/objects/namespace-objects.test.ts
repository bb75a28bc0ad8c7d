import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { brandId } from '@hexabase/kernel/id.ts';
import { tenantSpec } from '../../../conformance/scene.ts';
import { usualMetricsService, type MetricsService } from '../host/metrics-service.ts';
import { namespaceObjects, tenantNamespace } from './namespace-objects.ts';
import { networkPolicies } from './network-policies.ts';
import { quantityOf } from './quantity.ts';
import { resourceQuota } from './quota.ts';

const workspaceId = brandId<'Workspace'>('01a20000-0000-7000-8000-00000000abcd');
const settings = {
  issuerAuthority: 'PEM',
  discoveryUrl: undefined,
  controlPlaneNamespace: 'hexabase-system',
  stateGib: 5,
  metrics: usualMetricsService,
  apiPorts: [6443],
};

/** Where pods and services of hosts have their addresses. */
const pods = ['10.0.0.0/8', '100.64.0.0/10', '172.16.0.0/12', '192.168.0.0/16', '240.0.0.0/4'];

/** Where machines of clouds ask who they are, and are told their secrets. */
const metadataServices = ['168.63.129.16/32', '169.254.0.0/16', '192.0.0.0/24'];

describe('the objects around a tenant', () => {
  it('are the ones that were agreed', async () => {
    const spec = tenantSpec({ workspaceId });
    const objects = [
      tenantNamespace(spec, { generation: 1, applied: 'a-digest', release: 'a-release' }),
      ...namespaceObjects(spec, settings),
    ];
    await expect(stringify(objects)).toMatchFileSnapshot('golden/namespace-objects.yaml');
  });

  it('tell the API server whom it trusts in the form that its version knows', () => {
    const form = (kubernetesVersion: string | undefined) => {
      const objects = namespaceObjects(tenantSpec({ workspaceId }), { ...settings, kubernetesVersion });
      return /apiVersion: (\S+?)\\n/.exec(
        JSON.stringify(objects.find(({ kind }) => kind === 'ConfigMap')),
      )?.[1];
    };
    expect(['v1.33.6', 'v1.34.4', 'v1.35.0', undefined].map(form)).toEqual([
      'apiserver.config.k8s.io/v1beta1',
      'apiserver.config.k8s.io/v1',
      'apiserver.config.k8s.io/v1',
      'apiserver.config.k8s.io/v1',
    ]);
  });

  it('tell the API server another place to look for the issuer’s document, when there is one', () => {
    const discoveryUrl = 'https://inside.example:9443/oidc/.well-known/openid-configuration';
    const spec = tenantSpec({ workspaceId });
    const told = (settingsNow: Parameters<typeof namespaceObjects>[1]) => {
      const map = namespaceObjects(spec, settingsNow).find(({ kind }) => kind === 'ConfigMap');
      return parse(Object.values(Object(map?.['data']))[0] + '').jwt[0].issuer;
    };
    expect(told({ ...settings, discoveryUrl })).toMatchObject({
      url: spec.identity.issuer,
      discoveryURL: discoveryUrl,
    });
    expect(told(settings)).not.toHaveProperty('discoveryURL');
  });

  it('always make the namespace enforce baseline, and say whose nodes it may use', () => {
    const { metadata } = tenantNamespace(tenantSpec({ workspaceId, isolation: 'dedicated' }));
    expect(metadata['labels']).toMatchObject({
      'pod-security.kubernetes.io/enforce': 'baseline',
      'pod-security.kubernetes.io/warn': 'restricted',
      'hexabase.ai/isolation': 'dedicated',
      'hexabase.ai/pool': workspaceId,
    });
    expect(tenantNamespace(tenantSpec({ workspaceId })).metadata['labels']).not.toHaveProperty(
      'hexabase.ai/pool',
    );
  });

  it('give the plan to the tenant and what the control plane takes on top', () => {
    const { spec } = resourceQuota({ cpuMilli: 2000, memoryMib: 4096, storageGib: 20 }, 5);
    expect(spec).toMatchObject({
      hard: {
        'requests.cpu': '2120m',
        'requests.memory': '4672Mi',
        'requests.storage': '25Gi',
      },
    });
    expect(quantityOf('2120m') - quantityOf('120m')).toBe(2);
  });

  it('let load balancers have the ports that they take of each node, and their senders in from the internet only', () => {
    const { spec } = resourceQuota({ cpuMilli: 2000, memoryMib: 4096, storageGib: 20 }, 5);
    expect(spec).toMatchObject({ hard: { 'services.loadbalancers': '2', 'services.nodeports': '10' } });
    const workloads = namespaceObjects(tenantSpec({ workspaceId }), settings).find(
      ({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === 'hexabase-workloads',
    );
    const { from } = Object(workloads?.['spec']).ingress[0];
    const blocks = from.flatMap(({ ipBlock }: { ipBlock?: object }) => ipBlock ?? []);
    expect(blocks).toEqual([{ cidr: '0.0.0.0/0', except: expect.arrayContaining(pods) }]);
  });

  it('close the metadata services of clouds to workloads, those too that pass for the internet', () => {
    const workloads = namespaceObjects(tenantSpec({ workspaceId }), settings).find(
      ({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === 'hexabase-workloads',
    );
    const blocks = JSON.stringify(Object(workloads?.['spec']).egress).match(/"ipBlock":\{.*?\}/g) ?? [];
    expect(blocks).toHaveLength(1);
    for (const range of metadataServices) expect(blocks[0]).toContain(`"${range}"`);
    expect(blocks[0]).toContain('"cidr":"0.0.0.0/0"');
  });

  it('bound the endpoints that a tenant writes by hand, and leave the host enough for every service', () => {
    const { hard } = Object(resourceQuota({ cpuMilli: 2000, memoryMib: 4096, storageGib: 20 }, 5).spec);
    const services = Number(hard['services']);
    expect(Number(hard['count/endpoints'])).toBeGreaterThan(services);
    expect(Number(hard['count/endpointslices.discovery.k8s.io'])).toBeGreaterThan(2 * services);
  });

  it('open the name server of the host to the pods that the control plane made for it, whatever others call theirs', () => {
    const policies = namespaceObjects(tenantSpec({ workspaceId }), settings);
    const dns = policies.find(({ metadata }) => metadata.name === 'hexabase-dns');
    expect(Object(dns?.['spec']).podSelector.matchLabels).toEqual({
      'k8s-app': 'vcluster-kube-dns',
      'vcluster.loft.sh/managed-by': expect.stringMatching(/^ws-/),
      // A label that tenants do not set: their own of this name come to the host under another.
      'vcluster.loft.sh/namespace': 'kube-system',
    });
  });

  it('close public ranges of a host as they close private ones, and let its named senders in to workloads alone', () => {
    const networks = { internal: ['203.0.113.0/24', '10.0.0.0/8'], senders: ['192.168.7.0/24'] };
    const policies = namespaceObjects(tenantSpec({ workspaceId }), { ...settings, networks }).filter(
      ({ kind }) => kind === 'NetworkPolicy',
    );
    const { ingress, egress } = Object(
      policies.find(({ metadata }) => metadata.name === 'hexabase-workloads')?.['spec'],
    );
    for (const rules of [ingress, egress]) {
      const [{ except }] = JSON.stringify(rules)
        .match(/\{"cidr":"0\.0\.0\.0\/0".*?\}/g)
        ?.map((text) => JSON.parse(text)) ?? [{}];
      expect(except).toEqual([...new Set(except)]);
      expect(except).toEqual(expect.arrayContaining([...pods, '203.0.113.0/24']));
    }
    const sender = '{"ipBlock":{"cidr":"192.168.7.0/24"}}';
    expect(JSON.stringify(ingress)).toContain(sender);
    const others = policies.filter(({ metadata }) => metadata.name !== 'hexabase-workloads');
    expect(JSON.stringify([egress, others])).not.toContain(sender);
  });

  it('open the way to an issuer on a port of its own, to that address alone when it is one', () => {
    const egressTo = (issuer: string) => {
      const policies = networkPolicies({
        release: 'ws-a',
        issuer,
        discoveryUrl: undefined,
        controlPlaneNamespace: null,
        metrics: null,
        apiPorts: [],
      });
      return JSON.stringify(policies.find(({ metadata }) => metadata.name === 'hexabase-control-plane'));
    };
    expect(egressTo('https://10.1.2.3:9443/oidc')).toContain(
      '{"to":[{"ipBlock":{"cidr":"10.1.2.3/32"}}],"ports":[{"protocol":"TCP","port":9443}]}',
    );
    expect(egressTo('https://id.example:9443/oidc')).toContain('{"ports":[{"protocol":"TCP","port":9443}]}');
    expect(egressTo('https://id.example/oidc')).not.toContain('9443');
  });

  it('open the way to what serves the metrics API, wherever the host has it: pods cannot be named by their service', () => {
    const egressFor = (metrics: MetricsService | null): unknown[] => {
      const objects = namespaceObjects(tenantSpec({ workspaceId }), { ...settings, metrics });
      const policy = objects.find(({ metadata }) => metadata.name === 'hexabase-control-plane');
      return Object(policy?.['spec']).egress;
    };
    const without = egressFor(null);
    const added = (metrics: MetricsService): unknown[] =>
      egressFor(metrics).filter(
        (rule) => !without.some((other) => JSON.stringify(other) === JSON.stringify(rule)),
      );
    const namespaceSelector = (name: string) => ({ matchLabels: { 'kubernetes.io/metadata.name': name } });
    const chart = { 'app.kubernetes.io/name': 'metrics-server' };
    expect(added({ ...usualMetricsService, namespace: 'monitoring', name: 'metrics', pods: chart })).toEqual([
      { to: [{ namespaceSelector: namespaceSelector('monitoring'), podSelector: { matchLabels: chart } }] },
    ]);
    const addresses = [
      { address: '10.1.2.3', port: 4443 },
      { address: 'fd00::3', port: 4443 },
    ];
    expect(added({ ...usualMetricsService, pods: null, addresses })).toEqual([
      { to: [{ ipBlock: { cidr: '10.1.2.3/32' } }], ports: [{ protocol: 'TCP', port: 4443 }] },
      { to: [{ ipBlock: { cidr: 'fd00::3/128' } }], ports: [{ protocol: 'TCP', port: 4443 }] },
    ]);
    expect(JSON.stringify(without)).not.toContain('metrics');
  });

  it('open the ports on which the API servers of the host listen, whichever they are', () => {
    const openFor = (apiPorts: readonly number[]): string => {
      const objects = namespaceObjects(tenantSpec({ workspaceId }), { ...settings, apiPorts });
      return JSON.stringify(objects.find(({ metadata }) => metadata.name === 'hexabase-control-plane'));
    };
    const port = (number: number): string => `{"protocol":"TCP","port":${number}}`;
    expect(openFor([16_443])).toContain(`{"ports":[${[443, 6443, 8443, 16_443].map(port).join(',')}]}`);
    expect(openFor([6443])).toBe(openFor([]));
  });

  it('let nobody of another workspace in: no rule names a namespace besides the host’s own and ours', () => {
    const spec = tenantSpec({ workspaceId });
    const selectors =
      JSON.stringify(namespaceObjects(spec, settings)).match(/"namespaceSelector":\{[^}]*\}/g) ?? [];
    expect(new Set(selectors)).toEqual(
      new Set(
        ['kube-system', 'hexabase-system'].map(
          (name) => `"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"${name}"}`,
        ),
      ),
    );
  });
});
