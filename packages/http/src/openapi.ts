import { allOperations, pathParameters, type ListedOperation } from '@hexabase/contract/all-operations.ts';
import type { Operation } from '@hexabase/contract/operation.ts';
import { errorCodes, type ErrorCode } from '@hexabase/kernel/error-codes.ts';
import * as z from 'zod';
import { otherPaths } from './openapi-other-paths.ts';

/** JSON as it is written; the document has no behaviour. */
export type JsonObject = Record<string, unknown>;

/** The OpenAPI 3.1 description of the whole contract. Pure: the same contract gives the same document. */
export function openApiDocument({ version = '0.1.0' }: { version?: string } = {}): JsonObject {
  const paths: Record<string, JsonObject> = {};
  for (const listed of allOperations()) {
    const path = (paths[listed.operation.path] ??= {});
    path[listed.operation.method.toLowerCase()] = operationObject(listed);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Hexabase AI',
      version,
      description: 'Open, multi-tenant Kubernetes-as-a-Service.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [
      ...new Map(
        allOperations().map(({ resource }) => [
          resource.noun,
          { name: resource.noun, description: resource.help },
        ]),
      ).values(),
    ],
    paths: { ...paths, ...otherPaths() },
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      schemas: { Error: errorSchema },
    },
    security: [{ bearer: [] }],
  };
}

const errorSchema = {
  type: 'object',
  required: ['error', 'meta'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'details'],
      properties: {
        code: { type: 'string', enum: Object.keys(errorCodes) },
        message: { type: 'string' },
        details: { type: 'object' },
      },
    },
    meta: { type: 'object', required: ['requestId'], properties: { requestId: { type: 'string' } } },
  },
};

function operationObject({ resource, operation }: ListedOperation): JsonObject {
  return {
    operationId: operation.id,
    tags: [resource.noun],
    summary: operation.summary,
    ...(operation.access.kind === 'public' ? { security: [] } : {}),
    ...('action' in operation.access ? { 'x-hexabase-action': operation.access.action } : {}),
    parameters: parametersOf(operation),
    ...(operation.body
      ? { requestBody: { required: true, content: json(schemaOf(operation.body, 'input')) } }
      : {}),
    responses: { [operation.status]: successResponse(operation), ...errorResponses(operation) },
  };
}

function parametersOf(operation: Operation): JsonObject[] {
  const inPath = pathParameters(operation.path).map((name) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const query = operation.query ? schemaOf(operation.query, 'input') : {};
  const required = Array.isArray(query['required']) ? query['required'] : [];
  const inQuery = Object.entries(isObject(query['properties']) ? query['properties'] : {}).map(
    ([name, schema]) => ({
      name,
      in: 'query',
      required: required.includes(name),
      schema,
    }),
  );
  const writes = operation.method !== 'GET';
  return [
    ...inPath,
    ...inQuery,
    ...(operation.method === 'POST' && !operation.sensitive
      ? [
          header(
            'Idempotency-Key',
            'Repeating the request with the same key gives the first answer, for 24 hours.',
          ),
        ]
      : []),
    ...(operation.conditional && writes
      ? [header('If-Match', 'The ETag that was read; a stale one is refused with 412.')]
      : []),
  ];
}

function header(name: string, description: string): JsonObject {
  return { name, in: 'header', required: false, description, schema: { type: 'string' } };
}

function successResponse(operation: Operation): JsonObject {
  const headers = {
    'X-Request-Id': { schema: { type: 'string' } },
    ...(operation.conditional ? { ETag: { schema: { type: 'string' } } } : {}),
  };
  if (operation.raw) {
    const content = operation.raw.map((type) => [type, { schema: { type: 'string' } }]);
    return { description: operation.summary, headers, content: Object.fromEntries(content) };
  }
  if (!operation.output) return { description: 'Done.', headers };
  const counts = operation.paged ? ['page', 'limit', 'total'] : [];
  const meta = {
    type: 'object',
    required: [...counts, 'requestId'],
    properties: {
      ...Object.fromEntries(counts.map((name) => [name, { type: 'integer' }])),
      ...(operation.paged && { totalIsMinimum }),
      requestId: { type: 'string' },
    },
  };
  const envelope = {
    type: 'object',
    required: ['data', 'meta'],
    properties: { data: schemaOf(operation.output, 'output'), meta },
  };
  return { description: operation.summary, headers, content: json(envelope) };
}

const totalIsMinimum = {
  type: 'boolean',
  description: 'True where there are more than `total`: long logs are counted so far only.',
};

/** Per status the codes that may come; the sentence of each is its own documentation. */
function errorResponses(operation: Operation): JsonObject {
  const codes: ErrorCode[] = ['rate_limited', 'internal', 'database_unavailable', ...operation.errors];
  // Any token may be too small for it, and anything that it names may be absent.
  if (operation.access.kind !== 'public')
    codes.push('unauthenticated', 'token_expired', 'session_ended', 'forbidden', 'not_found');
  // What it does not take is refused as well, and so is what an organization that is being deleted, or none, cannot do.
  codes.push('validation_failed', 'unknown_field');
  if (operation.access.kind === 'action') codes.push('conflict');
  if (operation.body) codes.push('malformed_json', 'body_too_large', 'unsupported_media_type');
  if (operation.method === 'POST') codes.push('idempotency_key_reused');
  const byStatus = Map.groupBy(new Set(codes), (code) => errorCodes[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, list]) => [
      String(status),
      {
        description: list.map((code) => `\`${code}\`: ${errorCodes[code].message}`).join('\n\n'),
        content: json({ $ref: '#/components/schemas/Error' }),
      },
    ]),
  );
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonObject {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { target: 'draft-2020-12', io });
  return rest;
}

function json(schema: unknown): JsonObject {
  return { 'application/json': { schema } };
}

function isObject(value: unknown): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
