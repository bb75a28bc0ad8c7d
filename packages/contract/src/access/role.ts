import * as z from 'zod';
import { dnsLabel, id, timestamp, wholePageQuery } from '../common.ts';
import { operation } from '../operation.ts';
import { defineResource } from '../resource.ts';
import { policyRule } from '../rules/policy-rule.ts';

declare module '../action.ts' {
  interface ResourceActions {
    'role:read': true;
    'role:manage': true;
  }
}

export const roleScope = z.enum(['workspace', 'project']);

const schema = z.object({
  id: id.nullable().describe('null for the roles that every workspace has'),
  name: z.string(),
  scope: roleScope.describe('where it can be given: in the whole workspace, or in single projects'),
  description: z.string(),
  builtIn: z.boolean(),
  rules: z.array(policyRule),
  words: z.array(z.string()).describe('what it allows, for people'),
  clusterRole: z.string().describe('name of the ClusterRole in the workspace'),
  createdAt: timestamp.nullable(),
});

/** Of one role's rules as JSON: every question about rights in a workspace reads all of them. */
export const rulesBytesMax = 16_384;

/** What is said of longer ones. */
export const tooLongRules = `are more than ${rulesBytesMax} bytes as JSON: make several roles of them, or name fewer things`;

const anyRules = z.array(policyRule).min(1).max(50);
const rules = anyRules.refine(
  (list) => new TextEncoder().encode(JSON.stringify(list)).length <= rulesBytesMax,
  tooLongRules,
);
const description = z.string().max(200);
const roleName = dnsLabel.describe('lower-case letters, digits and dashes');
const example = {
  name: 'restarter',
  scope: 'project',
  rules: [{ verbs: ['get', 'patch'], apiGroups: ['apps'], resources: ['deployments'] }],
} as const;

const path = '/api/v1/workspaces/{id}/roles';

/** What somebody may do: a list of rules with a name. */
export const role = defineResource({
  noun: 'role',
  plural: 'roles',
  help: 'What somebody may do in a workspace or in a project of it.',
  schema,
  columns: [
    { header: 'NAME', field: 'name' },
    { header: 'SCOPE', field: 'scope' },
    { header: 'BUILT-IN', field: 'builtIn' },
    { header: 'DESCRIPTION', field: 'description' },
  ],
  actions: [
    { action: 'role:read', lowestRole: 'viewer' },
    { action: 'role:manage', lowestRole: 'admin' },
  ],
  operations: {
    list: operation({
      id: 'role.list',
      method: 'GET',
      path,
      summary:
        'Lists the roles that can be given in a workspace: those that every workspace has, and its own.',
      access: { kind: 'action', action: 'role:read' },
      target: 'workspace',
      query: wholePageQuery,
      output: z.array(schema),
      paged: true,
      cli: { verb: 'list', positional: [] },
    }),
    create: operation({
      id: 'role.create',
      method: 'POST',
      path,
      summary: 'Makes a role of your own. It can allow nothing that you may not do there yourself.',
      access: { kind: 'action', action: 'role:manage' },
      target: 'workspace',
      body: z.strictObject({
        name: roleName,
        scope: roleScope.default('project'),
        description: description.default(''),
        rules,
      }),
      example,
      output: schema,
      status: 201,
      errors: ['already_exists', 'conflict', 'escalation_refused'],
      cli: { verb: 'create', positional: ['name'], bespoke: true },
    }),
    preview: operation({
      id: 'role.preview',
      method: 'POST',
      path: `${path}/preview`,
      summary: 'Tells in plain words what rules would allow, and why they would be refused. Changes nothing.',
      access: { kind: 'action', action: 'role:manage' },
      target: 'workspace',
      body: z.strictObject({ scope: roleScope.default('project'), rules }),
      example: { scope: example.scope, rules: example.rules },
      output: z.object({
        words: z.array(z.string()),
        refused: z.array(z.object({ path: z.string(), message: z.string() })),
      }),
      cli: { verb: 'preview', positional: [], bespoke: true },
    }),
    get: operation({
      id: 'role.get',
      method: 'GET',
      path: `${path}/{role}`,
      summary: 'Shows one role with its rules.',
      access: { kind: 'action', action: 'role:read' },
      target: 'workspace',
      query: z.object({ scope: roleScope.optional().describe('tells admin and viewer apart') }),
      output: schema,
      cli: { verb: 'get', positional: ['role'] },
    }),
    update: operation({
      id: 'role.update',
      method: 'PATCH',
      path: `${path}/{role}`,
      summary: 'Changes what a role of your own allows; whoever has it has the new rights at once.',
      access: { kind: 'action', action: 'role:manage' },
      target: 'workspace',
      body: z.strictObject({ description: description.optional(), rules: anyRules.optional() }),
      example: { description: 'Restarts applications' },
      output: schema,
      errors: ['conflict', 'escalation_refused'],
      cli: { verb: 'update', positional: ['role'], bespoke: true },
    }),
    delete: operation({
      id: 'role.delete',
      method: 'DELETE',
      path: `${path}/{role}`,
      summary: 'Deletes a role of your own; whoever has it loses it within a second.',
      access: { kind: 'action', action: 'role:manage' },
      target: 'workspace',
      status: 204,
      errors: ['conflict'],
      cli: { verb: 'delete', positional: ['role'], confirm: 'yes-no' },
    }),
  },
});

export type Role = z.infer<typeof schema>;
