import * as z from 'zod';
import { id } from '../common.ts';
import { operation } from '../operation.ts';
import { defineResource } from '../resource.ts';
import { roleScope } from './role.ts';
import { policyRule } from '../rules/policy-rule.ts';

declare module '../action.ts' {
  interface ResourceActions {
    'access:read': true;
    'access:inspect': true;
  }
}

const reference = z.string().min(1).max(120);
const verb = z.string().min(1).max(40);
const resource = z.string().min(1).max(200).describe('pods, pods/log, deployments.apps/scale');
const organizationRole = z.enum(['owner', 'admin', 'developer', 'viewer', 'billing']);
const person = z.object({ id, email: z.string(), displayName: z.string() });

const link = z.object({
  kind: z.enum(['organization-role', 'group', 'user']),
  id: id.nullable(),
  name: z.string(),
});

const grant = z.object({
  role: z.string().describe('what it allows stands once in `roles`, by this name and scope'),
  scope: roleScope,
  project: z.string().nullable().describe('null: the whole workspace; `*`: every project of it'),
  through: z.array(link).describe('from the person to what was given the role'),
  why: z.string(),
  // Programs from before there was `roles` read these.
  rules: z.array(policyRule).describe('as in `roles`, with the first grant of a role; of others none'),
  words: z.array(z.string()).describe('as in `roles`, with the first grant of a role; of others none'),
});

const grantedRole = z.object({
  name: z.string(),
  scope: roleScope,
  rules: z.array(policyRule),
  words: z.array(z.string()),
});

/** Roles give nothing to who has not shown the second factor that the organization asks for, or is in too many groups. */
const withheld = z.string().nullable().describe('why nothing of it can be used now; null: it can');

const schema = z.object({
  user: person,
  workspaceId: id,
  organizationRole,
  withheld,
  decision: z
    .object({ allowed: z.boolean(), words: z.string() })
    .nullable()
    .describe('null unless a verb and a resource were asked about'),
  grants: z.array(grant).describe('all roles, or those that allow what was asked about'),
  roles: z.array(grantedRole).describe('what they allow, each role once, however often it was given'),
});

const holder = z.object({
  userId: id,
  email: z.string(),
  role: z.string(),
  project: z.string().nullable(),
  why: z.string(),
  withheld: z.boolean().describe('for want of the second factor that the organization asks for'),
});

const view = z.object({
  user: person,
  organizationRole,
  withheld,
  actions: z.array(z.string()).describe('what the person may do through the API'),
  workspace: z
    .array(z.string())
    .describe(
      'what they may do in the whole workspace; of long roles the beginning, and how much more there is',
    ),
  projects: z.array(z.object({ name: z.string(), roles: z.array(z.string()), words: z.array(z.string()) })),
});

const path = '/api/v1/workspaces/{id}/access';
const inspect = { kind: 'action', action: 'access:inspect' } as const;

/** Who may do what in a workspace, and why. */
export const access = defineResource({
  noun: 'access',
  plural: 'access',
  help: 'Who may do what in a workspace, and why.',
  schema,
  columns: [
    { header: 'EMAIL', field: 'email' },
    { header: 'ROLE', field: 'role' },
    { header: 'PROJECT', field: 'project' },
    { header: 'WHY', field: 'why' },
  ],
  actions: [
    { action: 'access:read', lowestRole: 'viewer' },
    { action: 'access:inspect', lowestRole: 'admin' },
  ],
  operations: {
    explain: operation({
      id: 'access.explain',
      heavy: true,
      method: 'GET',
      path,
      summary: 'Tells what somebody may do and through which groups and roles. Of others, admins may ask.',
      access: { kind: 'action', action: 'access:read' },
      target: 'workspace',
      query: z.object({
        user: reference.optional().describe('e-mail address or id; yourself when absent'),
        project: reference.optional(),
        verb: verb.optional(),
        resource: resource.optional(),
        name: z.string().max(253).optional().describe('of one object'),
      }),
      output: schema,
      errors: ['not_found'],
      cli: { verb: 'explain', positional: ['user'], bespoke: true },
    }),
    whoCan: operation({
      id: 'access.who-can',
      heavy: true,
      method: 'GET',
      path: `${path}/who-can`,
      summary: 'Lists everybody who may do something, each with the reason.',
      access: inspect,
      target: 'workspace',
      query: z.object({
        verb: verb.default('get'),
        resource: resource.default('pods'),
        project: reference.optional(),
        name: z.string().max(253).optional().describe('of one object'),
      }),
      output: z.array(holder),
      cli: { verb: 'who-can', positional: ['verb', 'resource'] },
    }),
    viewAs: operation({
      id: 'access.view-as',
      heavy: true,
      method: 'POST',
      path: `${path}/view-as`,
      summary:
        'Shows what somebody sees and may do. Nothing is done in their name; the audit log tells who looked.',
      access: inspect,
      target: 'workspace',
      body: z.strictObject({ user: reference.describe('e-mail address or id') }),
      output: view,
      cli: { verb: 'view-as', positional: ['user'], bespoke: true },
    }),
  },
});

export type AccessExplanation = z.infer<typeof schema>;
export type AccessHolder = z.infer<typeof holder>;
export type AccessView = z.infer<typeof view>;
