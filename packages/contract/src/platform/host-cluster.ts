import * as z from 'zod';
import { condition, dnsLabel, id, pageQuery, timestamp } from '../common.ts';
import { operation } from '../operation.ts';
import { defineResource } from '../resource.ts';

declare module '../action.ts' {
  interface ResourceActions {
    'host-cluster:read': true;
    'host-cluster:manage': true;
  }
}

export const hostClusterState = z.enum(['active', 'cordoned', 'draining']);

const limit = z.int().min(0).max(1_000_000_000).nullable();

const region = dnsLabel.max(40);

/** Kubernetes' own rules for labels, the common part: no prefix longer than a name, values of 63 characters. */
const labels = z.record(
  z.string().regex(/^[A-Za-z0-9]([-A-Za-z0-9_./]{0,61}[A-Za-z0-9])?$/, 'use a Kubernetes label key'),
  z.string().regex(/^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/, 'use a Kubernetes label value'),
);

const capacity = z.object({
  workspaces: limit.describe('how many workspaces it takes; null: as many as its memory carries'),
  cpuMilli: limit.describe('sum of the plans of its workspaces; null: no limit'),
  memoryMib: limit.describe('sum of the plans of its workspaces; null: no limit'),
});

const observed = z.object({
  kubernetesVersion: z.string(),
  nodes: z.int(),
  cpuMilli: z.int().describe('allocatable, of all ready nodes'),
  memoryMib: z.int(),
  pods: z.int(),
  storageClass: z.string().nullable().describe('the default one'),
});

const remaining = z.object({
  workspaceId: id,
  isolation: z.enum(['shared', 'dedicated']),
  plan: z.string(),
  phase: z.string(),
  roomOn: z.string().nullable().describe('another host cluster of the region that could take it'),
});

const schema = z.object({
  id,
  name: z.string(),
  region: z.string(),
  labels: z.record(z.string(), z.string()),
  state: hostClusterState.describe('cordoned and draining ones get no new workspaces'),
  ready: z
    .enum(['True', 'False', 'Unknown'])
    .describe('the condition Ready, Unknown when nobody looked lately'),
  note: z.string().describe('what to know or to do now, in words; empty when all is well'),
  dedicatedNodes: z.boolean().describe('it has nodes for dedicated workspaces'),
  inCluster: z.boolean().describe('the control plane runs in it'),
  server: z.string().nullable().describe('address of its API; credentials are never shown'),
  capacity,
  used: z.object({ workspaces: z.int(), cpuMilli: z.int(), memoryMib: z.int() }),
  observed: observed.nullable().describe('what was seen there last'),
  remaining: z
    .array(remaining)
    .nullable()
    .describe('while draining: the workspaces that are still there, at most 500; else null'),
  conditions: z.array(condition).describe('one for each check'),
  generation: z.int(),
  checkedAt: timestamp.nullable(),
  createdAt: timestamp,
});

const path = '/api/v1/host-clusters';

const settings = {
  dedicatedNodes: z.boolean().describe('it has nodes for dedicated workspaces'),
  labels,
  maxWorkspaces: limit.describe('how many workspaces it takes'),
  maxCpuMilli: limit.describe('sum of the plans of its workspaces'),
  maxMemoryMib: limit.describe('sum of the plans of its workspaces'),
};

/** A Kubernetes cluster that carries workspaces. It belongs to the platform, not to an organization. */
export const hostCluster = defineResource({
  noun: 'host-cluster',
  plural: 'host-clusters',
  help: 'A Kubernetes cluster that carries workspaces (for operators of the platform).',
  schema,
  columns: [
    { header: 'NAME', field: 'name' },
    { header: 'REGION', field: 'region' },
    { header: 'STATE', field: 'state' },
    { header: 'READY', field: 'ready' },
    { header: 'VERSION', field: 'observed.kubernetesVersion' },
    { header: 'WORKSPACES', field: 'used.workspaces' },
    { header: 'AGE', field: 'createdAt', as: 'age' },
    { header: 'NOTE', field: 'note' },
  ],
  platformActions: ['host-cluster:read', 'host-cluster:manage'],
  operations: {
    list: operation({
      id: 'host-cluster.list',
      method: 'GET',
      path,
      summary: 'Lists the host clusters.',
      access: { kind: 'platform', action: 'host-cluster:read' },
      query: pageQuery.extend({ region: z.string().max(40).optional() }),
      output: z.array(schema),
      paged: true,
      cli: { verb: 'list', positional: [] },
    }),
    add: operation({
      id: 'host-cluster.add',
      method: 'POST',
      path,
      summary: 'Adds a host cluster, by a kubeconfig or as the one that the control plane runs in.',
      access: { kind: 'platform', action: 'host-cluster:manage' },
      body: z.strictObject({
        name: dnsLabel.max(40),
        region,
        kubeconfig: z
          .string()
          .max(200_000)
          .optional()
          .meta({ writeOnly: true })
          .describe(
            'text of a kubeconfig with a token or certificate in it; kept encrypted, never shown again',
          ),
        context: z
          .string()
          .max(253)
          .optional()
          .describe('context of the kubeconfig; the current one when absent'),
        inCluster: z.boolean().default(false).describe('instead of a kubeconfig'),
        dedicatedNodes: settings.dedicatedNodes.default(false),
        labels: labels.default({}),
        maxWorkspaces: settings.maxWorkspaces.default(null),
        maxCpuMilli: settings.maxCpuMilli.default(null),
        maxMemoryMib: settings.maxMemoryMib.default(null),
      }),
      output: schema,
      status: 201,
      errors: ['already_exists'],
      bodyLimitBytes: 256 * 1024,
    }),
    get: operation({
      id: 'host-cluster.get',
      method: 'GET',
      path: `${path}/{id}`,
      summary: 'Shows one host cluster, by name or id.',
      access: { kind: 'platform', action: 'host-cluster:read' },
      target: 'host-cluster',
      output: schema,
      cli: { verb: 'get', positional: ['id'] },
    }),
    update: operation({
      id: 'host-cluster.update',
      method: 'PATCH',
      path: `${path}/{id}`,
      summary: 'Changes region, capacity, labels or credentials. Workspaces that are there stay there.',
      access: { kind: 'platform', action: 'host-cluster:manage' },
      target: 'host-cluster',
      body: z.strictObject({
        region: region.optional(),
        kubeconfig: z
          .string()
          .max(200_000)
          .optional()
          .meta({ writeOnly: true })
          .describe('replaces the credentials'),
        // Means nothing without the other, which is no flag of a command line.
        context: z
          .string()
          .max(253)
          .optional()
          .meta({ writeOnly: true })
          .describe('context of the kubeconfig'),
        dedicatedNodes: settings.dedicatedNodes.optional(),
        labels: labels.optional(),
        maxWorkspaces: settings.maxWorkspaces.optional(),
        maxCpuMilli: settings.maxCpuMilli.optional(),
        maxMemoryMib: settings.maxMemoryMib.optional(),
      }),
      example: { labels: { tier: 'standard' } },
      output: schema,
      bodyLimitBytes: 256 * 1024,
      cli: { verb: 'update', positional: ['id'] },
    }),
    cordon: action('cordon', 'Gives it no new workspaces; those that are there go on.'),
    uncordon: action('uncordon', 'Gives it workspaces again.'),
    drain: action(
      'drain',
      'Marks it for emptying and says which workspaces remain and whether another host cluster has room. Nothing is moved by itself.',
    ),
    check: action('check', 'Has it looked at now; conditions tell the outcome within seconds.'),
    remove: operation({
      id: 'host-cluster.remove',
      method: 'DELETE',
      path: `${path}/{id}`,
      summary: 'Forgets a host cluster and its credentials. Refused while workspaces live there.',
      access: { kind: 'platform', action: 'host-cluster:manage' },
      target: 'host-cluster',
      status: 204,
      errors: ['host_cluster_not_empty'],
      cli: { verb: 'remove', positional: ['id'], confirm: 'type-name' },
    }),
  },
});

export type HostCluster = z.infer<typeof schema>;
export type HostClusterState = z.infer<typeof hostClusterState>;
export type HostClusterObserved = z.infer<typeof observed>;

function action<const Verb extends 'cordon' | 'uncordon' | 'drain' | 'check'>(verb: Verb, summary: string) {
  return operation({
    id: `host-cluster.${verb}`,
    method: 'POST',
    path: `/api/v1/host-clusters/{id}/${verb}`,
    summary,
    access: { kind: 'platform', action: 'host-cluster:manage' },
    target: 'host-cluster',
    output: schema,
    cli: { verb, positional: ['id'] },
  });
}
