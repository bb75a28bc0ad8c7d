import * as z from 'zod';
import { id, pageQuery, timestamp } from '../common.ts';
import { operation } from '../operation.ts';
import { defineResource } from '../resource.ts';
import { roleScope } from './role.ts';

declare module '../action.ts' {
  interface ResourceActions {
    'assignment:read': true;
    'assignment:manage': true;
  }
}

const reference = z.string().min(1).max(120);

const schema = z.object({
  id,
  workspaceId: id,
  role: z.string(),
  roleId: id.nullable(),
  scope: roleScope,
  project: z.string().nullable().describe('null: in the whole workspace'),
  subject: z.object({ kind: z.enum(['group', 'user']), id, name: z.string() }),
  createdAt: timestamp,
});

const path = '/api/v1/workspaces/{id}/assignments';

/** A role given to a group or a person. */
export const assignment = defineResource({
  noun: 'assignment',
  plural: 'assignments',
  help: 'A role given to a group or to a person, in a workspace or in one project of it.',
  schema,
  columns: [
    { header: 'ROLE', field: 'role' },
    { header: 'PROJECT', field: 'project' },
    { header: 'TO', field: 'subject.kind' },
    { header: 'NAME', field: 'subject.name' },
    { header: 'AGE', field: 'createdAt', as: 'age' },
    { header: 'ID', field: 'id' },
  ],
  actions: [
    { action: 'assignment:read', lowestRole: 'viewer' },
    { action: 'assignment:manage', lowestRole: 'admin' },
  ],
  operations: {
    list: operation({
      id: 'assignment.list',
      method: 'GET',
      path,
      summary:
        'Lists which groups and people were given which roles, beside what their organization role gives.',
      access: { kind: 'action', action: 'assignment:read' },
      target: 'workspace',
      query: pageQuery.extend({ project: reference.optional().describe('only in this project') }),
      output: z.array(schema),
      paged: true,
      cli: { verb: 'list', positional: [] },
    }),
    create: operation({
      id: 'assignment.create',
      method: 'POST',
      path,
      summary: 'Gives a role to a group or to a person; it counts at once.',
      access: { kind: 'action', action: 'assignment:manage' },
      target: 'workspace',
      body: z.strictObject({
        role: reference.describe('admin, developer, viewer or a role of the workspace'),
        project: reference.optional().describe('only in this project'),
        group: reference.optional().describe('name or id of the group that gets it'),
        user: reference.optional().describe('e-mail address or id of the person who gets it'),
      }),
      output: schema,
      status: 201,
      errors: ['already_exists', 'conflict', 'not_found', 'escalation_refused'],
      cli: { verb: 'create', positional: ['role'] },
    }),
    delete: operation({
      id: 'assignment.delete',
      method: 'DELETE',
      path: `${path}/{assignment}`,
      summary: 'Takes a role back; the access ends within a second.',
      access: { kind: 'action', action: 'assignment:manage' },
      target: 'workspace',
      status: 204,
      cli: { verb: 'delete', positional: ['assignment'], confirm: 'yes-no' },
    }),
  },
});

export type Assignment = z.infer<typeof schema>;
