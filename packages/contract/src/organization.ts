import * as z from 'zod';
import { displayName, emailAddress, id, pageQuery, slug, timestamp } from './common.ts';
import { operation } from './operation.ts';
import { leftBehind } from './people/member.ts';
import { defineResource } from './resource.ts';

declare module './action.ts' {
  interface ResourceActions {
    'organization:secure': true;
  }
}

const schema = z.object({
  id,
  slug: z.string(),
  name: z.string(),
  plan: z.string(),
  billingEmail: z.string().nullable(),
  requireSecondFactor: z.boolean().describe('members without a second factor reach nothing in it'),
  role: z.enum(['owner', 'admin', 'developer', 'viewer', 'billing']).describe('your role in it'),
  generation: z.int(),
  createdAt: timestamp,
  deletionRequestedAt: timestamp.nullable(),
  deletedAfter: timestamp.nullable().describe('until then `restore` takes a deletion back'),
  auditKeptUntil: timestamp
    .nullable()
    .describe(
      'after a change to a plan that keeps the audit log for fewer days: until then it is kept as before',
    ),
});

const columns = [
  { header: 'NAME', field: 'name' },
  { header: 'SLUG', field: 'slug' },
  { header: 'PLAN', field: 'plan' },
  { header: 'ROLE', field: 'role' },
  { header: 'AGE', field: 'createdAt', as: 'age' },
] as const;

/** How much of its plan an organization uses; told to everybody in it, without names. */
const usage = z.object({
  members: z.int(),
  workspaces: z.int(),
  maxWorkspaces: z.int().nullable().describe('of the plan; null is unlimited'),
});

const path = '/api/v1/organizations';

/** Who pays: members, plan, workspaces. */
export const organization = defineResource({
  noun: 'organization',
  plural: 'organizations',
  help: 'Who pays: members, a plan, workspaces.',
  schema,
  columns,
  actions: [{ action: 'organization:secure', lowestRole: 'owner' }],
  operations: {
    list: operation({
      id: 'organization.list',
      method: 'GET',
      path,
      summary: 'Lists the organizations that you are a member of.',
      access: { kind: 'authenticated' },
      query: pageQuery,
      output: z.array(
        schema.extend({
          withheld: z
            .enum(['second-factor'])
            .nullable()
            .describe('why this session reaches nothing in it; you can leave it all the same'),
        }),
      ),
      paged: true,
      cli: { verb: 'list', positional: [], columns: [...columns, { header: 'WITHHELD', field: 'withheld' }] },
    }),
    create: operation({
      id: 'organization.create',
      method: 'POST',
      path,
      summary: 'Makes an organization; you become its owner.',
      access: { kind: 'authenticated' },
      body: z.strictObject({
        name: displayName,
        slug: slug.optional(),
        billingEmail: emailAddress.optional(),
      }),
      output: schema,
      status: 201,
      errors: ['slug_taken', 'conflict'],
      cli: { verb: 'create', positional: ['name'] },
    }),
    get: operation({
      id: 'organization.get',
      method: 'GET',
      path: `${path}/{id}`,
      summary: 'Shows one organization, and how much of its plan it uses.',
      access: { kind: 'action', action: 'organization:read' },
      target: 'organization',
      output: schema.extend({ usage }),
      conditional: true,
      cli: { verb: 'get', positional: ['id'] },
    }),
    update: operation({
      id: 'organization.update',
      method: 'PATCH',
      path: `${path}/{id}`,
      summary: 'Changes name, billing address or plan. On the embedded default a plan costs nothing.',
      access: { kind: 'action', action: 'organization:update' },
      target: 'organization',
      body: z.strictObject({
        name: displayName.optional(),
        billingEmail: emailAddress.nullable().optional(),
        plan: z.string().max(40).optional(),
      }),
      output: schema.extend({
        notice: z.string().nullable().describe('what else the change brings, in a sentence'),
      }),
      conditional: true,
      errors: ['stale_revision', 'plan_limit_reached'],
      cli: { verb: 'update', positional: ['id'], text: 'notice' },
    }),
    delete: operation({
      id: 'organization.delete',
      method: 'DELETE',
      path: `${path}/{id}`,
      summary:
        'Deletes an organization that has no workspaces. Where the platform has a grace period, it can be restored until it ends.',
      access: { kind: 'action', action: 'organization:delete' },
      target: 'organization',
      status: 204,
      errors: ['organization_not_empty'],
      cli: { verb: 'delete', positional: ['id'], confirm: 'type-name' },
    }),
    restore: operation({
      id: 'organization.restore',
      method: 'POST',
      path: `${path}/{id}/restore`,
      summary: 'Takes a deletion back while its grace period runs.',
      access: { kind: 'action', action: 'organization:delete' },
      target: 'organization',
      output: schema,
      errors: ['conflict'],
      cli: { verb: 'restore', positional: ['id'] },
    }),
    requireSecondFactor: operation({
      id: 'organization.require-second-factor',
      method: 'PUT',
      path: `${path}/{id}/second-factor`,
      summary: 'Asks all members for a second factor, or stops asking. Show yours first; API tokens go on.',
      access: { kind: 'action', action: 'organization:secure' },
      target: 'organization',
      body: z.strictObject({ mode: z.enum(['required', 'optional']) }),
      example: { mode: 'required' },
      output: schema,
      errors: ['conflict'],
      cli: { verb: 'second-factor', positional: ['id', 'mode'] },
    }),
    transfer: operation({
      id: 'organization.transfer',
      method: 'POST',
      path: `${path}/{id}/transfer`,
      summary: 'Makes another member the owner; you become an admin.',
      access: { kind: 'action', action: 'organization:delete' },
      target: 'organization',
      body: z.strictObject({ to: z.string().min(3).max(254).describe('e-mail address or id of a member') }),
      example: { to: 'colleague@example.com' },
      output: schema,
      errors: ['not_found'],
      cli: { verb: 'transfer', positional: ['id'] },
    }),
    leave: operation({
      id: 'organization.leave',
      method: 'POST',
      path: `${path}/{id}/leave`,
      summary:
        'Ends your own membership, also where a second factor is asked that you have not shown. The last owner cannot leave. The answer names what you made for machines and may have kept.',
      access: { kind: 'action', action: 'organization:read' },
      target: 'organization',
      output: z.object({ id, slug: z.string(), name: z.string(), ...leftBehind }),
      errors: ['last_owner'],
      cli: {
        verb: 'leave',
        positional: ['id'],
        confirm: 'yes-no',
        columns: [
          { header: 'LEFT', field: 'name' },
          { header: 'SLUG', field: 'slug' },
        ],
        text: 'notice',
      },
    }),
  },
});

export type Organization = z.infer<typeof schema>;
export type OrganizationUsage = z.infer<typeof usage>;
