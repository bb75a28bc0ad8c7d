import * as z from 'zod';
import { condition, displayName, id, orgFilter, pageQuery, progress, slug, timestamp } from './common.ts';
import { operation } from './operation.ts';
import { defineResource } from './resource.ts';

export const workspacePhase = z.enum([
  'provisioning',
  'active',
  'updating',
  'degraded',
  'asleep',
  'deleting',
  'failed',
]);

const schema = z.object({
  id,
  slug: z.string(),
  name: z.string(),
  description: z.string(),
  organizationId: id,
  plan: z.string(),
  region: z.string(),
  isolation: z.enum(['shared', 'dedicated']),
  phase: workspacePhase.describe('derived from the conditions'),
  generation: z.int(),
  observedGeneration: z.int(),
  conditions: z.array(condition),
  progress: progress.nullable().describe('only while working'),
  kubernetesUrl: z.string().describe('where kubectl talks to'),
  operationId: id.nullable().describe('the operation that works on it, or the last one'),
  createdAt: timestamp,
  deletionRequestedAt: timestamp.nullable(),
});

const path = '/api/v1/workspaces';

/** An isolated Kubernetes environment. */
export const workspace = defineResource({
  noun: 'workspace',
  plural: 'workspaces',
  help: 'An isolated Kubernetes environment with its own API server.',
  schema,
  columns: [
    { header: 'NAME', field: 'name' },
    { header: 'SLUG', field: 'slug' },
    { header: 'PLAN', field: 'plan' },
    { header: 'PHASE', field: 'phase', as: 'phase' },
    { header: 'AGE', field: 'createdAt', as: 'age' },
  ],
  operations: {
    list: operation({
      id: 'workspace.list',
      method: 'GET',
      path,
      summary: 'Lists workspaces of your organizations.',
      access: { kind: 'authenticated' },
      query: pageQuery.extend({ ...orgFilter, phase: workspacePhase.optional() }),
      output: z.array(schema),
      paged: true,
      cli: { verb: 'list', positional: [] },
    }),
    create: operation({
      id: 'workspace.create',
      method: 'POST',
      path,
      summary: 'Makes a workspace. The answer comes at once; follow `phase` and `progress`.',
      access: { kind: 'action', action: 'workspace:create' },
      query: z.object({ ...orgFilter }),
      body: z.strictObject({
        name: displayName,
        slug: slug.optional(),
        description: z.string().max(200).default(''),
        organization: z.string().max(64).optional().describe('id or slug; your current one when absent'),
        plan: z.string().max(40).optional().describe("the organization's plan when absent"),
        region: z.string().max(40).optional(),
        isolation: z.enum(['shared', 'dedicated']).default('shared'),
      }),
      output: schema,
      status: 201,
      errors: ['slug_taken', 'plan_limit_reached'],
      cli: { verb: 'create', positional: ['name'], bespoke: true },
    }),
    get: operation({
      id: 'workspace.get',
      method: 'GET',
      path: `${path}/{id}`,
      summary: 'Shows one workspace.',
      access: { kind: 'action', action: 'workspace:read' },
      target: 'workspace',
      output: schema,
      conditional: true,
      cli: { verb: 'get', positional: ['id'] },
    }),
    update: operation({
      id: 'workspace.update',
      method: 'PATCH',
      path: `${path}/{id}`,
      summary: 'Changes name, description or plan.',
      access: { kind: 'action', action: 'workspace:update' },
      target: 'workspace',
      body: z.strictObject({
        name: displayName.optional(),
        description: z.string().max(200).optional(),
        plan: z.string().max(40).optional(),
      }),
      output: schema,
      status: 202,
      conditional: true,
      errors: ['stale_revision', 'plan_limit_reached', 'workspace_not_active'],
      cli: { verb: 'update', positional: ['id'] },
    }),
    delete: operation({
      id: 'workspace.delete',
      method: 'DELETE',
      path: `${path}/{id}`,
      summary:
        'Deletes a workspace and everything in it; the operation ends with a report of what was removed.',
      access: { kind: 'action', action: 'workspace:delete' },
      target: 'workspace',
      output: schema,
      status: 202,
      cli: { verb: 'delete', positional: ['id'], confirm: 'type-name', bespoke: true },
    }),
    retry: operation({
      id: 'workspace.retry',
      method: 'POST',
      path: `${path}/{id}/retry`,
      summary: 'Tries a failed workspace again at once.',
      access: { kind: 'action', action: 'workspace:update' },
      target: 'workspace',
      output: schema,
      status: 202,
      cli: { verb: 'retry', positional: ['id'] },
    }),
    kubeconfig: operation({
      id: 'workspace.kubeconfig',
      method: 'GET',
      path: `${path}/{id}/kubeconfig`,
      summary: 'What a kubeconfig needs: address, certificate authority, context name. It holds no secret.',
      access: { kind: 'action', action: 'workspace:connect' },
      target: 'workspace',
      output: z.object({
        context: z.string(),
        server: z.string(),
        certificateAuthorityData: z.string().nullable().describe('base64 PEM; null when publicly trusted'),
        workspaceId: id,
      }),
      cli: { verb: 'kubeconfig', positional: ['id'], bespoke: true },
    }),
    kubeToken: operation({
      id: 'workspace.kube-token',
      method: 'POST',
      path: `${path}/{id}/kube-token`,
      summary: 'Mints a 15-minute OIDC token for the API server of this workspace from your live session.',
      access: { kind: 'action', action: 'workspace:connect' },
      target: 'workspace',
      output: z.object({ token: z.string(), expiresAt: timestamp }),
      status: 201,
      errors: ['workspace_not_active'],
      sensitive: true,
    }),
  },
});

export type Workspace = z.infer<typeof schema>;
export type WorkspacePhase = z.infer<typeof workspacePhase>;
