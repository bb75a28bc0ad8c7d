import * as z from 'zod';
import { condition, dnsLabel, id, pageQuery, timestamp } from './common.ts';
import { operation } from './operation.ts';
import { defineResource } from './resource.ts';

const schema = z.object({
  id,
  name: z.string().describe('also the name of the namespace'),
  workspaceId: id,
  phase: z.enum(['provisioning', 'active', 'deleting', 'failed']),
  generation: z.int(),
  observedGeneration: z.int(),
  conditions: z.array(condition),
  createdAt: timestamp,
});

const path = '/api/v1/workspaces/{id}/projects';

/** A namespace of a workspace: quota and role boundary. */
export const project = defineResource({
  noun: 'project',
  plural: 'projects',
  help: 'A namespace in a workspace: the boundary of quotas and roles.',
  schema,
  columns: [
    { header: 'NAME', field: 'name' },
    { header: 'PHASE', field: 'phase', as: 'phase' },
    { header: 'AGE', field: 'createdAt', as: 'age' },
  ],
  operations: {
    list: operation({
      id: 'project.list',
      method: 'GET',
      path,
      summary: 'Lists the projects of a workspace, also those made with kubectl.',
      access: { kind: 'action', action: 'project:read' },
      target: 'workspace',
      query: pageQuery,
      output: z.array(schema),
      paged: true,
      cli: { verb: 'list', positional: [] },
    }),
    create: operation({
      id: 'project.create',
      method: 'POST',
      path,
      summary: 'Makes a project: a namespace with quota, limits and a default-deny network policy.',
      access: { kind: 'action', action: 'project:create' },
      target: 'workspace',
      body: z.strictObject({ name: dnsLabel }),
      output: schema,
      status: 201,
      errors: ['already_exists', 'workspace_not_active'],
      cli: { verb: 'create', positional: ['name'] },
    }),
    get: operation({
      id: 'project.get',
      method: 'GET',
      path: `${path}/{project}`,
      summary: 'Shows one project.',
      access: { kind: 'action', action: 'project:read' },
      target: 'workspace',
      output: schema,
      cli: { verb: 'get', positional: ['project'] },
    }),
    delete: operation({
      id: 'project.delete',
      method: 'DELETE',
      path: `${path}/{project}`,
      summary: 'Deletes a project and everything in its namespace.',
      access: { kind: 'action', action: 'project:delete' },
      target: 'workspace',
      output: schema,
      status: 202,
      cli: { verb: 'delete', positional: ['project'], confirm: 'yes-no' },
    }),
  },
});

export type Project = z.infer<typeof schema>;
