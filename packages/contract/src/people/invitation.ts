import * as z from 'zod';
import { emailAddress, id, pageQuery, timestamp, wholePageQuery } from '../common.ts';
import { operation } from '../operation.ts';
import { defineResource } from '../resource.ts';

declare module '../action.ts' {
  interface ResourceActions {
    'invitation:manage': true;
  }
}

const role = z.enum(['owner', 'admin', 'developer', 'viewer', 'billing']);

const schema = z.object({
  id,
  email: z.string(),
  role,
  groups: z.array(id).describe('groups that the person will be in'),
  state: z.enum(['open', 'accepted', 'declined', 'revoked', 'expired']),
  invitedBy: id,
  createdAt: timestamp,
  expiresAt: timestamp,
});

const received = z.object({
  id,
  organizationName: z.string(),
  invitedBy: z.string().describe('e-mail address'),
  role,
  createdAt: timestamp,
  expiresAt: timestamp,
});

const path = '/api/v1/organizations/{id}/invitations';
const answers = '/api/v1/invitations';
const answer = z.strictObject({
  invitation: z.string().min(1).max(200).describe('the code of the letter, or the id that `received` shows'),
});

/** Asks somebody by e-mail to join an organization. */
export const invitation = defineResource({
  noun: 'invitation',
  plural: 'invitations',
  help: 'Asks somebody by e-mail to join an organization, with a role and groups.',
  schema,
  columns: [
    { header: 'ID', field: 'id' },
    { header: 'EMAIL', field: 'email' },
    { header: 'ROLE', field: 'role' },
    { header: 'STATE', field: 'state' },
    { header: 'AGE', field: 'createdAt', as: 'age' },
  ],
  actions: [{ action: 'invitation:manage', lowestRole: 'admin' }],
  operations: {
    list: operation({
      id: 'invitation.list',
      method: 'GET',
      path,
      summary: 'Lists the invitations of an organization.',
      access: { kind: 'action', action: 'invitation:manage' },
      target: 'organization',
      query: pageQuery.omit({ sort: true }),
      output: z.array(schema),
      paged: true,
      cli: { verb: 'list', positional: [] },
    }),
    create: operation({
      id: 'invitation.create',
      method: 'POST',
      path,
      summary: 'Invites somebody by e-mail. The letter holds a code that works once, for seven days.',
      access: { kind: 'action', action: 'invitation:manage' },
      target: 'organization',
      body: z.strictObject({
        email: emailAddress,
        role: role.default('developer'),
        groups: z.array(z.string().max(64)).max(20).default([]).describe('names or ids of groups'),
      }),
      example: { email: 'colleague@example.com', role: 'viewer' },
      output: schema,
      status: 201,
      errors: ['already_exists', 'not_found', 'conflict'],
      cli: { verb: 'create', positional: ['email'] },
    }),
    resend: operation({
      id: 'invitation.resend',
      method: 'POST',
      path: `${path}/{invitationId}/resend`,
      summary: 'Sends a new letter; the code of the one before stops working, and seven days begin anew.',
      access: { kind: 'action', action: 'invitation:manage' },
      target: 'organization',
      output: schema,
      errors: ['rate_limited'],
      cli: { verb: 'resend', positional: ['invitationId'] },
    }),
    revoke: operation({
      id: 'invitation.revoke',
      method: 'DELETE',
      path: `${path}/{invitationId}`,
      summary: 'Takes an invitation back.',
      access: { kind: 'action', action: 'invitation:manage' },
      target: 'organization',
      status: 204,
      cli: { verb: 'revoke', positional: ['invitationId'] },
    }),
    received: operation({
      id: 'invitation.received',
      method: 'GET',
      path: answers,
      summary: 'Lists the invitations that wait for your answer.',
      access: { kind: 'authenticated' },
      query: wholePageQuery.omit({ sort: true }),
      output: z.array(received),
      paged: true,
      cli: {
        verb: 'received',
        positional: [],
        columns: [
          { header: 'ID', field: 'id' },
          { header: 'ORGANIZATION', field: 'organizationName' },
          { header: 'FROM', field: 'invitedBy' },
          { header: 'ROLE', field: 'role' },
          { header: 'AGE', field: 'createdAt', as: 'age' },
        ],
      },
    }),
    accept: operation({
      id: 'invitation.accept',
      method: 'POST',
      path: `${answers}/accept`,
      summary: 'Joins the organization that invited you.',
      access: { kind: 'authenticated' },
      body: answer,
      output: z.object({
        organizationId: id,
        organizationName: z.string(),
        organizationSlug: z.string(),
        role,
      }),
      errors: ['not_found'],
      cli: {
        verb: 'accept',
        positional: ['invitation'],
        columns: [
          { header: 'ORGANIZATION', field: 'organizationName' },
          { header: 'SLUG', field: 'organizationSlug' },
          { header: 'ROLE', field: 'role' },
        ],
      },
    }),
    decline: operation({
      id: 'invitation.decline',
      method: 'POST',
      path: `${answers}/decline`,
      summary: 'Declines an invitation.',
      access: { kind: 'authenticated' },
      body: answer,
      status: 204,
      errors: ['not_found'],
      cli: { verb: 'decline', positional: ['invitation'] },
    }),
  },
});

export type Invitation = z.infer<typeof schema>;
export type ReceivedInvitation = z.infer<typeof received>;
