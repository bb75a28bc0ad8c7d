import * as z from 'zod';
import { condition, displayName, id, orgFilter, pageQuery, progress, slug, timestamp } from './common.ts';
import { operation } from './operation.ts';
import { defineResource } from './resource.ts';
import { sleep, sleepEnds, timing } from './workspace-sleep.ts';

declare module './action.ts' {
  interface ResourceActions {
    'workspace:clone': true;
  }
}

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
  sleep,
  kubernetesVersion: z.string().nullable().describe('wanted minor version; null until one is known'),
  runningVersion: z.string().nullable().describe('what its API server says of itself'),
  clone: z
    .object({
      sourceId: id,
      sourceSlug: z.string(),
      takenAt: timestamp.nullable().describe('the one moment that it is a copy of; null until it was read'),
      objects: z.int().nullable(),
      notCopied: z.array(z.string()).describe('what the copy does not have, in words'),
    })
    .nullable()
    .describe('for a copy of another workspace'),
  createdAt: timestamp,
  deletionRequestedAt: timestamp.nullable(),
  deletionDueAt: timestamp.nullable().describe('until then `restore` takes the deletion back'),
  deletionGraceMinutes: z.int().describe('how long a deletion can be taken back; 0 is not at all'),
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
  // Whoever clones sees all secrets of the source in the copy: never lower than who administers it.
  actions: [{ action: 'workspace:clone', lowestRole: 'admin' }],
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
      summary: 'Makes a workspace. `phase` and `progress` tell how far it is.',
      access: { kind: 'action', action: 'workspace:create' },
      query: z.object({ ...orgFilter }),
      body: z.strictObject({
        name: displayName,
        slug: slug.optional(),
        description: z.string().max(200).default(''),
        organization: z.string().min(1).max(64).optional().describe('id or slug; your oldest when absent'),
        plan: z.string().max(40).optional().describe("the organization's plan when absent"),
        region: z.string().max(40).optional(),
        isolation: z.enum(['shared', 'dedicated']).default('shared'),
      }),
      output: schema,
      status: 201,
      errors: ['slug_taken', 'plan_limit_reached', 'unknown_region', 'no_capacity'],
      cli: { verb: 'create', positional: ['name'], bespoke: true },
    }),
    clone: operation({
      id: 'workspace.clone',
      method: 'POST',
      path: `${path}/{id}/clone`,
      summary:
        'Makes a new workspace with what this one holds at this moment; contents of volumes are not copied.',
      access: { kind: 'action', action: 'workspace:clone' },
      target: 'workspace',
      body: z.strictObject({
        name: displayName,
        slug: slug.optional(),
        description: z.string().max(200).optional().describe("the source's when absent"),
        plan: z.string().max(40).optional().describe("the source's when absent"),
        region: z.string().max(40).optional().describe("the source's when absent"),
      }),
      example: { name: 'Copy to try things' },
      output: schema,
      status: 201,
      errors: [
        'workspace_not_active',
        'conflict',
        'slug_taken',
        'plan_limit_reached',
        'unknown_region',
        'no_capacity',
      ],
      cli: { verb: 'clone', positional: ['id', 'name'], bespoke: true },
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
      summary: 'Changes name, description, plan, or when it sleeps.',
      access: { kind: 'action', action: 'workspace:update' },
      target: 'workspace',
      body: z.strictObject({
        name: displayName.optional(),
        description: z.string().max(200).optional(),
        plan: z.string().max(40).optional(),
        sleepAt: timing,
        wakeAt: timing,
        timeZone: z.string().max(60).optional().describe('IANA name, for example Europe/Berlin'),
        idleMinutes: z
          .int()
          .min(0)
          .max(100_000)
          .optional()
          .describe('sleep after so long without a Kubernetes request or an unfinished Job; 0 is never'),
      }),
      output: schema,
      status: 202,
      conditional: true,
      errors: ['stale_revision', 'plan_limit_reached', 'no_capacity', 'workspace_not_active'],
      cli: { verb: 'update', positional: ['id'], waits: true },
    }),
    delete: operation({
      id: 'workspace.delete',
      method: 'DELETE',
      path: `${path}/{id}`,
      summary:
        'Deletes a workspace and everything in it; the operation ends with a report of what was removed.',
      access: { kind: 'action', action: 'workspace:delete' },
      target: 'workspace',
      query: z.object({
        now: z
          .enum(['true', 'false'])
          .default('false')
          .describe('without the time in which it can be taken back'),
      }),
      output: schema,
      status: 202,
      cli: { verb: 'delete', positional: ['id'], confirm: 'type-name', bespoke: true },
    }),
    restore: operation({
      id: 'workspace.restore',
      method: 'POST',
      path: `${path}/{id}/restore`,
      summary: 'Takes a deletion back while its time has not come.',
      access: { kind: 'action', action: 'workspace:delete' },
      target: 'workspace',
      output: schema,
      status: 202,
      errors: ['conflict'],
      cli: { verb: 'restore', positional: ['id'], waits: true },
    }),
    sleepEnds: operation({
      id: 'workspace.sleep-ends',
      method: 'GET',
      path: `${path}/{id}/sleep`,
      summary: 'Tells which pods and Jobs would end for good if the workspace fell asleep now.',
      access: { kind: 'action', action: 'workspace:update' },
      target: 'workspace',
      output: sleepEnds,
    }),
    sleep: operation({
      id: 'workspace.sleep',
      method: 'POST',
      path: `${path}/{id}/sleep`,
      summary:
        'Stops all that runs in a workspace: objects and volumes stay, bare pods and logs do not, Jobs may fail.',
      access: { kind: 'action', action: 'workspace:update' },
      target: 'workspace',
      output: schema.extend(sleepEnds.shape),
      status: 202,
      errors: ['workspace_not_active'],
      cli: { verb: 'sleep', positional: ['id'], confirm: 'yes-no', bespoke: true },
    }),
    wake: operation({
      id: 'workspace.wake',
      method: 'POST',
      path: `${path}/{id}/wake`,
      summary: 'Wakes a sleeping workspace. The first request of kubectl does it too.',
      access: { kind: 'action', action: 'workspace:connect' },
      target: 'workspace',
      output: schema,
      status: 202,
      errors: ['workspace_not_active'],
      cli: { verb: 'wake', positional: ['id'], waits: true },
    }),
    upgrade: operation({
      id: 'workspace.upgrade',
      method: 'POST',
      path: `${path}/{id}/upgrade`,
      summary: 'Upgrades Kubernetes by one minor version, and goes back when it does not become healthy.',
      access: { kind: 'action', action: 'workspace:update' },
      target: 'workspace',
      body: z.strictObject({
        kubernetesVersion: z.string().regex(/^\d{1,3}\.\d{1,3}$/, 'use a minor version, for example 1.35'),
      }),
      example: { kubernetesVersion: '1.35' },
      output: schema,
      status: 202,
      errors: ['workspace_not_active', 'version_not_allowed'],
      cli: { verb: 'upgrade', positional: ['id'], waits: true },
    }),
    retry: operation({
      id: 'workspace.retry',
      method: 'POST',
      path: `${path}/{id}/retry`,
      summary: 'Tries a failed workspace again at once; one that was lost is made anew, empty.',
      access: { kind: 'action', action: 'workspace:update' },
      target: 'workspace',
      output: schema,
      status: 202,
      cli: { verb: 'retry', positional: ['id'], waits: true, unchanged: 'It is looked at again' },
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
      errors: ['workspace_not_active', 'conflict'],
      sensitive: true,
    }),
  },
});

export type Workspace = z.infer<typeof schema>;
export type WorkspacePhase = z.infer<typeof workspacePhase>;
