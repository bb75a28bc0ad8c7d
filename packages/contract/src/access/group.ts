import * as z from 'zod';
import { id, pageQuery, timestamp } from '../common.ts';
import { operation } from '../operation.ts';
import { defineResource } from '../resource.ts';

declare module '../action.ts' {
  interface ResourceActions {
    'group:read': true;
    'group:manage': true;
  }
}

/** How a group of an organization may be called. */
export const groupName = z
  .string()
  .trim()
  .min(2, 'use at least 2 characters')
  .max(60, 'use at most 60 characters')
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_-]*$/,
    'use letters, digits, dashes and underscores, and begin with a letter or digit',
  )
  .refine((text) => !/^[0-9a-f]{8}-[0-9a-f]{4}-/i.test(text), 'a name must not look like an id');
const reference = z.string().min(1).max(120);

const schema = z.object({
  id,
  name: z.string().describe('of a workspace’s own group with its slug: `my-team.WSAdmins`'),
  organizationId: id,
  workspaceId: id.nullable().describe('set for the groups that every workspace has; they stay as they are'),
  parentId: id.nullable(),
  parent: z.string().nullable().describe('name of the group above: members of this one are members of that'),
  members: z.int().describe('people who are in it directly'),
  createdAt: timestamp,
});

const groupMember = z.object({
  userId: id,
  email: z.string(),
  displayName: z.string(),
  through: z.string().nullable().describe('the group below that brings them in; null when in it directly'),
  source: z
    .string()
    .nullable()
    .describe('the identity provider whose groups claim put them there; null when somebody did'),
  createdAt: timestamp,
});

const path = '/api/v1/organizations/{id}/groups';
const manage = { kind: 'action', action: 'group:manage' } as const;
const read = { kind: 'action', action: 'group:read' } as const;

/** People who get the same access, in a tree of any depth. */
export const group = defineResource({
  noun: 'group',
  plural: 'groups',
  help: 'People who get the same access. Members of a group are members of every group above it.',
  schema,
  columns: [
    { header: 'NAME', field: 'name' },
    { header: 'PARENT', field: 'parent' },
    { header: 'MEMBERS', field: 'members' },
    { header: 'AGE', field: 'createdAt', as: 'age' },
    { header: 'ID', field: 'id' },
  ],
  actions: [
    { action: 'group:read', lowestRole: 'viewer' },
    { action: 'group:manage', lowestRole: 'admin' },
  ],
  operations: {
    list: operation({
      id: 'group.list',
      method: 'GET',
      path,
      summary: 'Lists the groups of an organization, also those of its workspaces.',
      access: read,
      target: 'organization',
      query: pageQuery.extend({ parent: reference.optional().describe('only those right below this group') }),
      output: z.array(schema),
      paged: true,
      cli: { verb: 'list', positional: [] },
    }),
    create: operation({
      id: 'group.create',
      method: 'POST',
      path,
      summary: 'Makes a group, at the top or below another one.',
      access: manage,
      target: 'organization',
      body: z.strictObject({ name: groupName, parent: reference.optional().describe('the group above it') }),
      example: { name: 'platform-team' },
      output: schema,
      status: 201,
      errors: ['already_exists', 'conflict', 'not_found'],
      cli: { verb: 'create', positional: ['name'] },
    }),
    get: operation({
      id: 'group.get',
      method: 'GET',
      path: `${path}/{group}`,
      summary: 'Shows one group.',
      access: read,
      target: 'organization',
      output: schema,
      cli: { verb: 'get', positional: ['group'] },
    }),
    rename: operation({
      id: 'group.rename',
      method: 'PATCH',
      path: `${path}/{group}`,
      summary: 'Gives a group another name; what it was given stays.',
      access: manage,
      target: 'organization',
      body: z.strictObject({ name: groupName }),
      example: { name: 'renamed-team' },
      output: schema,
      errors: ['already_exists', 'conflict'],
      cli: { verb: 'rename', positional: ['group', 'name'] },
    }),
    move: operation({
      id: 'group.move',
      method: 'POST',
      path: `${path}/{group}/move`,
      summary: 'Puts a group below another one, or at the top.',
      access: manage,
      target: 'organization',
      body: z.strictObject({
        parent: reference.nullable().default(null).describe('the group above it; the top when absent'),
      }),
      example: { parent: null },
      output: schema,
      errors: ['conflict'],
      cli: { verb: 'move', positional: ['group'] },
    }),
    delete: operation({
      id: 'group.delete',
      method: 'DELETE',
      path: `${path}/{group}`,
      summary:
        'Deletes a group that has none below it; what its members had through it ends within a second.',
      access: manage,
      target: 'organization',
      status: 204,
      errors: ['conflict'],
      cli: { verb: 'delete', positional: ['group'], confirm: 'yes-no' },
    }),
    listMembers: operation({
      id: 'group.members',
      method: 'GET',
      path: `${path}/{group}/members`,
      summary: 'Lists who is in a group, directly or through groups below it.',
      access: read,
      target: 'organization',
      query: pageQuery,
      output: z.array(groupMember),
      paged: true,
      cli: { verb: 'members list', positional: ['group'], columns: memberColumns() },
    }),
    addMember: operation({
      id: 'group.add-member',
      method: 'POST',
      path: `${path}/{group}/members`,
      summary: 'Puts a member of the organization into a group.',
      access: manage,
      target: 'organization',
      body: z.strictObject({ user: reference.describe('e-mail address or id') }),
      output: groupMember,
      status: 201,
      errors: ['already_exists', 'not_found'],
      cli: { verb: 'members add', positional: ['group', 'user'], columns: memberColumns() },
    }),
    removeMember: operation({
      id: 'group.remove-member',
      method: 'DELETE',
      path: `${path}/{group}/members/{userId}`,
      summary: 'Takes somebody out of a group; what they had through it ends within a second.',
      access: manage,
      target: 'organization',
      status: 204,
      cli: { verb: 'members remove', positional: ['group', 'userId'], confirm: 'yes-no' },
    }),
  },
});

function memberColumns() {
  return [
    { header: 'EMAIL', field: 'email' },
    { header: 'NAME', field: 'displayName' },
    { header: 'THROUGH', field: 'through' },
    { header: 'SOURCE', field: 'source' },
    { header: 'AGE', field: 'createdAt', as: 'age' },
  ] as const;
}

export type Group = z.infer<typeof schema>;
export type GroupMember = z.infer<typeof groupMember>;
