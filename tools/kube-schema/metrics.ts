import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ApiResource } from '../../packages/kubernetes/src/schema/discovery-data.ts';
import { trim } from './openapi.ts';
import type { OpenApiDocument, Schema } from './openapi.ts';

/** What metrics-server serves; upstream's discovery documents do not cover aggregated APIs. */
export const metricsResources: ApiResource[] = [
  { name: 'nodes', singularName: '', namespaced: false, kind: 'NodeMetrics', verbs: ['get', 'list'] },
  { name: 'pods', singularName: '', namespaced: true, kind: 'PodMetrics', verbs: ['get', 'list'] },
];

const PREFIX = 'io.k8s.metrics.pkg.apis.metrics.v1beta1';
const META = '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1';
const QUANTITY = '#/components/schemas/io.k8s.apimachinery.pkg.api.resource.Quantity';
const ROOT = '/apis/metrics.k8s.io/v1beta1';

/** An OpenAPI document for metrics.k8s.io/v1beta1, written after the Go types of k8s.io/metrics. */
export function metricsDocument(kubernetesFolder: string): OpenApiDocument {
  const path = join(kubernetesFolder, 'api/openapi-spec/v3/api__v1_openapi.json');
  const core: OpenApiDocument = JSON.parse(readFileSync(path, 'utf8'));
  const document: OpenApiDocument = {
    ...core,
    paths: {
      [`${ROOT}/nodes`]: operation('list', 'NodeMetrics', []),
      [`${ROOT}/nodes/{name}`]: operation('get', 'NodeMetrics', ['name']),
      [`${ROOT}/pods`]: operation('list', 'PodMetrics', []),
      [`${ROOT}/namespaces/{namespace}/pods`]: operation('list', 'PodMetrics', ['namespace']),
      [`${ROOT}/namespaces/{namespace}/pods/{name}`]: operation('get', 'PodMetrics', ['namespace', 'name']),
    },
    components: { ...core.components, schemas: { ...core.components.schemas, ...schemas() } },
  };
  return trim(document, 'metrics.k8s.io/v1beta1');
}

function operation(verb: 'get' | 'list', kind: string, parameters: string[]): Record<string, unknown> {
  const answer = verb === 'list' ? `${kind}List` : kind;
  const schema = { $ref: `#/components/schemas/${PREFIX}.${answer}` };
  return {
    get: {
      description: `${verb} ${kind}`,
      operationId: `${verb}MetricsV1beta1${parameters.includes('namespace') ? 'Namespaced' : ''}${kind}`,
      responses: {
        '200': {
          description: 'OK',
          content: { 'application/json': { schema }, 'application/yaml': { schema } },
        },
      },
      'x-kubernetes-action': verb,
      'x-kubernetes-group-version-kind': { group: 'metrics.k8s.io', kind, version: 'v1beta1' },
    },
    parameters: parameters.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
  };
}

function schemas(): Record<string, Schema> {
  return {
    [`${PREFIX}.NodeMetrics`]: metricsKind('NodeMetrics', 'resource usage of a node', {
      usage: usage('The memory and CPU usage of the node.'),
    }),
    [`${PREFIX}.NodeMetricsList`]: listKind('NodeMetrics'),
    [`${PREFIX}.PodMetrics`]: metricsKind('PodMetrics', 'resource usage of a pod', {
      containers: {
        type: 'array',
        description: 'Metrics for all containers, collected within the same time window.',
        items: { $ref: `#/components/schemas/${PREFIX}.ContainerMetrics` },
        'x-kubernetes-patch-merge-key': 'name',
        'x-kubernetes-patch-strategy': 'merge',
        'x-kubernetes-list-type': 'atomic',
      },
    }),
    [`${PREFIX}.PodMetricsList`]: listKind('PodMetrics'),
    [`${PREFIX}.ContainerMetrics`]: {
      type: 'object',
      description: 'Resource usage of a container.',
      required: ['name', 'usage'],
      properties: {
        name: { type: 'string', description: 'Name of the container.' },
        usage: usage('The memory and CPU usage.'),
      },
    },
  };
}

function metricsKind(kind: string, description: string, own: Record<string, Schema>): Schema {
  return {
    type: 'object',
    description: `${kind} sets ${description}.`,
    required: ['timestamp', 'window', ...Object.keys(own)],
    properties: {
      apiVersion: { type: 'string', description: 'The versioned schema of this object.' },
      kind: { type: 'string', description: 'The kind of this object.' },
      metadata: {
        allOf: [{ $ref: `${META}.ObjectMeta` }],
        default: {},
        description: 'Standard object metadata.',
      },
      timestamp: {
        allOf: [{ $ref: `${META}.Time` }],
        description: 'End of the interval of the measurement.',
      },
      window: { type: 'string', description: 'Length of the interval of the measurement.' },
      ...own,
    },
    'x-kubernetes-group-version-kind': [{ group: 'metrics.k8s.io', kind, version: 'v1beta1' }],
  };
}

function listKind(kind: string): Schema {
  return {
    type: 'object',
    description: `${kind}List is a list of ${kind}.`,
    required: ['items'],
    properties: {
      apiVersion: { type: 'string', description: 'The versioned schema of this object.' },
      kind: { type: 'string', description: 'The kind of this object.' },
      metadata: {
        allOf: [{ $ref: `${META}.ListMeta` }],
        default: {},
        description: 'Standard list metadata.',
      },
      items: {
        type: 'array',
        items: { $ref: `#/components/schemas/${PREFIX}.${kind}` },
        description: `The list of ${kind}.`,
      },
    },
    'x-kubernetes-group-version-kind': [{ group: 'metrics.k8s.io', kind: `${kind}List`, version: 'v1beta1' }],
  };
}

function usage(description: string): Schema {
  return { type: 'object', description, additionalProperties: { $ref: QUANTITY } };
}
