import { machineAddressEnd } from '@hexabase/kernel/text/email-address.ts';
import * as z from 'zod';
import { displayName, id, slug, timestamp, wholePageQuery } from '../common.ts';
import { operation } from '../operation.ts';
import { defineResource } from '../resource.ts';
import { keptRoles } from './member.ts';
import {
  machineTokenColumns,
  machineTokenSchema,
  newTokenColumns,
  newTokenSchema,
  tokenBody,
  tokenExample,
} from './token.ts';

declare module '../action.ts' {
  interface ResourceActions {
    'service-account:read': true;
    'service-account:manage': true;
  }
}

/** Its name as a user, also in Kubernetes. No mail is ever sent there, and no person can have such an address. */
export function serviceAccountEmail(name: string, organizationSlug: string): string {
  return `${name}@${organizationSlug}${machineAddressEnd}`;
}

const role = z.enum(['admin', 'developer', 'viewer']);

const schema = z.object({
  id,
  name: z.string(),
  displayName: z.string(),
  email: z.string().describe('its name as a user; Kubernetes knows it as `hexabase:<email>`'),
  organizationId: id,
  role,
  createdAt: timestamp,
});

const path = '/api/v1/organizations/{id}/service-accounts';
const one = `${path}/{serviceAccount}`;
const manage = { kind: 'action', action: 'service-account:manage' } as const;
const read = { kind: 'action', action: 'service-account:read' } as const;

/** A user that is a program: no password, no sign-in, only tokens. */
export const serviceAccount = defineResource({
  noun: 'service-account',
  plural: 'service-accounts',
  help: 'A user that is a program: it has a role, can be in groups, and comes in with tokens only.',
  schema,
  columns: [
    { header: 'NAME', field: 'name' },
    { header: 'ROLE', field: 'role' },
    { header: 'EMAIL', field: 'email' },
    { header: 'AGE', field: 'createdAt', as: 'age' },
  ],
  actions: [
    { action: 'service-account:read', lowestRole: 'viewer' },
    { action: 'service-account:manage', lowestRole: 'admin' },
  ],
  operations: {
    list: operation({
      id: 'service-account.list',
      method: 'GET',
      path,
      summary: 'Lists the service accounts of an organization.',
      access: read,
      target: 'organization',
      query: wholePageQuery,
      output: z.array(schema),
      paged: true,
      cli: { verb: 'list', positional: [] },
    }),
    create: operation({
      id: 'service-account.create',
      method: 'POST',
      path,
      summary: 'Makes a service account; it can do nothing before it has a token.',
      access: manage,
      target: 'organization',
      body: z.strictObject({
        name: slug,
        displayName: displayName.optional(),
        role: role.default('developer'),
      }),
      example: { name: 'deployer', role: 'developer' },
      output: schema,
      status: 201,
      errors: ['already_exists', 'conflict'],
      cli: { verb: 'create', positional: ['name'] },
    }),
    get: operation({
      id: 'service-account.get',
      method: 'GET',
      path: one,
      summary: 'Shows one service account, by name or id.',
      access: read,
      target: 'organization',
      output: schema,
      cli: { verb: 'get', positional: ['serviceAccount'] },
    }),
    update: operation({
      id: 'service-account.update',
      method: 'PATCH',
      path: one,
      summary:
        'Changes the role of a service account, within a second. The answer names what else it was given and keeps.',
      access: manage,
      target: 'organization',
      body: z.strictObject({ role }),
      example: { role: 'viewer' },
      output: schema.extend(keptRoles),
      cli: { verb: 'update', positional: ['serviceAccount'], text: 'notice' },
    }),
    delete: operation({
      id: 'service-account.delete',
      method: 'DELETE',
      path: one,
      summary: 'Removes a service account with its tokens, its groups and every role that it was given.',
      access: manage,
      target: 'organization',
      status: 204,
      cli: { verb: 'delete', positional: ['serviceAccount'], confirm: 'type-name' },
    }),
    listTokens: operation({
      id: 'service-account.list-tokens',
      method: 'GET',
      path: `${one}/tokens`,
      summary: 'Lists the tokens of a service account and who made them, without the tokens themselves.',
      access: manage,
      target: 'organization',
      query: wholePageQuery,
      output: z.array(machineTokenSchema),
      paged: true,
      cli: { verb: 'tokens list', positional: ['serviceAccount'], columns: machineTokenColumns },
    }),
    createToken: operation({
      id: 'service-account.create-token',
      method: 'POST',
      path: `${one}/tokens`,
      summary: 'Makes a token for a service account and shows it this once.',
      access: manage,
      target: 'organization',
      body: tokenBody,
      example: tokenExample,
      output: newTokenSchema,
      status: 201,
      errors: ['already_exists', 'conflict', 'rate_limited', 'not_found'],
      sensitive: true,
      cli: { verb: 'tokens create', positional: ['serviceAccount'], columns: newTokenColumns },
    }),
    revokeToken: operation({
      id: 'service-account.revoke-token',
      method: 'DELETE',
      path: `${one}/tokens/{token}`,
      summary: 'Ends a token of a service account, and within a second every connection that it opened.',
      access: manage,
      target: 'organization',
      status: 204,
      errors: ['not_found'],
      cli: { verb: 'tokens revoke', positional: ['serviceAccount', 'token'] },
    }),
  },
});

export type ServiceAccount = z.infer<typeof schema>;
