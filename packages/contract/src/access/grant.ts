import * as z from 'zod';
import { emailAddress, id, pageQuery, timestamp } from '../common.ts';
import { operation } from '../operation.ts';
import { defineResource } from '../resource.ts';

declare module '../action.ts' {
  interface ResourceActions {
    'grant:read': true;
    'grant:manage': true;
    'platform-grant:use': true;
  }
}

/** A grant ends after this many hours at the latest. */
export const grantHoursMax = 8;

const level = z.enum(['read', 'admin']);
const schema = z.object({
  id,
  organizationId: id,
  operator: z.string().describe('who is let in, by e-mail address'),
  level: level.describe(
    'read: looks only. admin: also changes workspaces and projects, but never who may do what',
  ),
  kind: z.enum(['granted', 'break-glass']).describe('given by an owner, or taken by the operator'),
  reason: z.string(),
  state: z.enum(['active', 'expired', 'revoked']),
  createdAt: timestamp,
  expiresAt: timestamp,
  revokedAt: timestamp.nullable(),
});

const wanted = {
  level: level.default('read'),
  reason: z
    .string()
    .trim()
    .min(10, 'say why in at least ten characters')
    .max(300)
    .regex(/^[^\p{Cc}\p{Cf}]+$/u, 'leave out control characters'),
  hours: z.int().min(1).max(grantHoursMax).default(1).describe(`${grantHoursMax} at most`),
};

const ownPath = '/api/v1/platform/grants';
const path = '/api/v1/organizations/{id}/grants';

/** Lets an operator of the platform into an organization, for hours and in everybody's sight. */
export const grant = defineResource({
  noun: 'grant',
  plural: 'grants',
  help: 'Lets an operator of the platform into an organization: for hours, with a reason, and all of it recorded.',
  schema,
  columns: [
    { header: 'OPERATOR', field: 'operator' },
    { header: 'LEVEL', field: 'level' },
    { header: 'KIND', field: 'kind' },
    { header: 'STATE', field: 'state' },
    { header: 'EXPIRES', field: 'expiresAt' },
    { header: 'REASON', field: 'reason' },
    { header: 'ID', field: 'id' },
  ],
  actions: [
    { action: 'grant:read', lowestRole: 'viewer' },
    { action: 'grant:manage', lowestRole: 'owner' },
  ],
  platformActions: ['platform-grant:use'],
  operations: {
    list: operation({
      id: 'grant.list',
      method: 'GET',
      path,
      summary: 'Lists who of the platform was let into an organization, when and why; the newest first.',
      access: { kind: 'action', action: 'grant:read' },
      target: 'organization',
      query: pageQuery.omit({ sort: true }),
      output: z.array(schema),
      paged: true,
      cli: { verb: 'list', positional: [] },
    }),
    create: operation({
      id: 'grant.create',
      method: 'POST',
      path,
      summary:
        'Lets an operator of the platform into your organization for some hours. For any other address the answer is the same, and nobody is let in.',
      access: { kind: 'action', action: 'grant:manage' },
      target: 'organization',
      body: z.strictObject({ operator: emailAddress, ...wanted }),
      output: schema,
      status: 201,
      cli: { verb: 'create', positional: ['operator'] },
    }),
    revoke: operation({
      id: 'grant.revoke',
      method: 'DELETE',
      path: `${path}/{grant}`,
      summary: 'Ends a grant, and within a second every connection that was opened by it.',
      access: { kind: 'action', action: 'grant:manage' },
      target: 'organization',
      status: 204,
      errors: ['not_found'],
      cli: { verb: 'revoke', positional: ['grant'] },
    }),
    breakGlass: operation({
      id: 'grant.break-glass',
      method: 'POST',
      path: ownPath,
      summary:
        'Lets you into an organization without being asked in; all of its owners get a letter at once.',
      access: { kind: 'platform', action: 'platform-grant:use' },
      body: z.strictObject({
        organization: z.string().min(1).max(64).describe('slug or id'),
        ...wanted,
      }),
      output: schema,
      status: 201,
      errors: ['not_found', 'conflict'],
      cli: { verb: 'break-glass', positional: ['organization'] },
    }),
    mine: operation({
      id: 'grant.mine',
      method: 'GET',
      path: ownPath,
      summary: 'Lists the grants that you have or had, the newest first.',
      access: { kind: 'platform', action: 'platform-grant:use' },
      query: pageQuery.omit({ sort: true }),
      output: z.array(schema),
      paged: true,
      cli: { verb: 'mine', positional: [] },
    }),
    end: operation({
      id: 'grant.end',
      method: 'DELETE',
      path: `${ownPath}/{id}`,
      summary: 'Gives back a grant that you have before it ends by itself.',
      access: { kind: 'platform', action: 'platform-grant:use' },
      status: 204,
      errors: ['not_found'],
      cli: { verb: 'end', positional: ['id'] },
    }),
  },
});

export type Grant = z.infer<typeof schema>;
export type GrantLevel = z.infer<typeof level>;
