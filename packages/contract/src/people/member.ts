import * as z from 'zod';
import { emailAddress, id, pageQuery, timestamp } from '../common.ts';
import { operation } from '../operation.ts';
import { defineResource } from '../resource.ts';

const role = z.enum(['owner', 'admin', 'developer', 'viewer', 'billing']);
const schema = z.object({
  userId: id,
  email: z.string(),
  displayName: z.string(),
  role,
  disabled: z.boolean().describe('an operator disabled the account: they reach nothing, whatever their role'),
  createdAt: timestamp,
});

/** What somebody made for machines and may have kept, or may meet the conditions of. */
const knownSecret = z.object({
  kind: z.enum(['token', 'federation']),
  id,
  name: z.string(),
  serviceAccount: z.string(),
  lastUsedAt: timestamp.nullable(),
  howTo: z.string().describe('the command that ends it'),
});

/** What the end of a membership leaves behind, in the answer to whoever ends it. */
export const leftBehind = {
  secrets: z
    .array(knownSecret)
    .describe('tokens of service accounts and CI rules that they made; these go on'),
  notice: z.string().nullable().describe('the same in words, with the commands'),
};

const keptRole = z.object({
  workspace: z.string().describe('slug'),
  project: z.string().nullable().describe('null: in the whole workspace'),
  role: z.string(),
  group: z.string().nullable().describe('the group that has the role; null: it was given to the person'),
  why: z.string().describe('with the chain of groups, the shortest one'),
  howTo: z.string().describe('a command that ends it; one that leads there another way stays'),
});

/** What a role in the organization does not decide, in the answer to whoever changes it. */
export const keptRoles = {
  rolesKept: z
    .array(keptRole)
    .describe(
      'what groups and given roles still give beside the role that they have now, roles of your own making always; 200 at most',
    ),
  notice: z.string().nullable().describe('the same in words, with the commands'),
};

const path = '/api/v1/organizations/{id}/members';

/** A person in an organization. */
export const member = defineResource({
  noun: 'member',
  plural: 'members',
  help: 'A person in an organization, with a role.',
  schema,
  columns: [
    { header: 'EMAIL', field: 'email' },
    { header: 'NAME', field: 'displayName' },
    { header: 'ROLE', field: 'role' },
    { header: 'DISABLED', field: 'disabled' },
    { header: 'AGE', field: 'createdAt', as: 'age' },
  ],
  operations: {
    list: operation({
      id: 'member.list',
      method: 'GET',
      path,
      summary: 'Lists the members of an organization.',
      access: { kind: 'action', action: 'member:read' },
      target: 'organization',
      query: pageQuery,
      output: z.array(schema),
      paged: true,
      cli: { verb: 'list', positional: [] },
    }),
    add: operation({
      id: 'member.add',
      method: 'POST',
      path,
      summary:
        'Adds a colleague from another organization, by e-mail address; where the operator allows it, anybody with an account.',
      access: { kind: 'action', action: 'member:manage' },
      target: 'organization',
      body: z.strictObject({ email: emailAddress, role: role.default('developer') }),
      output: schema,
      status: 201,
      errors: ['already_exists', 'not_found'],
      cli: { verb: 'add', positional: ['email'] },
    }),
    update: operation({
      id: 'member.update',
      method: 'PATCH',
      path: `${path}/{userId}`,
      summary:
        'Changes the role of a member. Below admin they administer no workspace; the answer names what else they were given and keep.',
      access: { kind: 'action', action: 'member:manage' },
      target: 'organization',
      body: z.strictObject({ role }),
      output: schema.extend(keptRoles),
      errors: ['last_owner'],
      cli: { verb: 'update', positional: ['userId'], text: 'notice' },
    }),
    remove: operation({
      id: 'member.remove',
      method: 'DELETE',
      path: `${path}/{userId}`,
      summary:
        'Removes a member; every access of theirs ends within a second. The answer names what they made for machines and may have kept.',
      access: { kind: 'action', action: 'member:manage' },
      target: 'organization',
      output: schema.extend(leftBehind),
      errors: ['last_owner'],
      cli: { verb: 'remove', positional: ['userId'], confirm: 'yes-no', text: 'notice' },
    }),
  },
});

export type Member = z.infer<typeof schema>;
export type KnownSecret = z.infer<typeof knownSecret>;
export type KeptRole = z.infer<typeof keptRole>;
