import * as z from 'zod';
import { id, slug, timestamp, wholePageQuery } from '../common.ts';
import { operation } from '../operation.ts';
import { defineResource } from '../resource.ts';
import { pin, saysWhoseJobs } from './whose-jobs.ts';

declare module '../action.ts' {
  interface ResourceActions {
    'federation:read': true;
    'federation:manage': true;
  }
}

/** Wildcards in one condition: a claim is looked through once for each, and once for each text between them. */
const wildcardsMax = 4;

const condition = z
  .string()
  .max(400)
  .regex(/^[A-Za-z_][\w.-]{0,63}=[^*\p{Cc}\s][^\p{Cc}]*$/u, 'write claim=value; the value begins with no *')
  .refine(
    (text) => (text.match(/\*+/g) ?? []).length <= wildcardsMax,
    `use at most ${wildcardsMax} wildcards`,
  )
  .refine((text) => !text.includes('***'), 'use * or **');

const schema = z.object({
  id,
  name: z.string(),
  organizationId: id,
  serviceAccount: z.string().describe('name of the service account that it lets in'),
  issuer: z.string(),
  audience: z.string(),
  conditions: z.array(z.string()),
  scope: z.string().describe('of the tokens that it gives: `read`, `write` or `workspace:<id>`'),
  createdBy: id,
  madeBy: z
    .string()
    .describe('e-mail address of who made it, or `left` for somebody who is in the organization no more'),
  createdAt: timestamp,
  lastUsedAt: timestamp.nullable(),
  problem: z.string().nullable().describe('why it lets nobody in, and what to do; null when it may be used'),
});

const path = '/api/v1/organizations/{id}/federations';
const manage = { kind: 'action', action: 'federation:manage' } as const;
const read = { kind: 'action', action: 'federation:read' } as const;

/** Lets the tokens of a CI system in, so that no secret has to be kept there. */
export const federation = defineResource({
  noun: 'federation',
  plural: 'federations',
  help: 'Lets a CI system in by the tokens that it signs itself, as one service account, so that it keeps no secret.',
  schema,
  columns: [
    { header: 'NAME', field: 'name' },
    { header: 'SERVICE-ACCOUNT', field: 'serviceAccount' },
    { header: 'ISSUER', field: 'issuer' },
    { header: 'CONDITIONS', field: 'conditions', as: 'list' },
    { header: 'SCOPE', field: 'scope' },
    { header: 'MADE-BY', field: 'madeBy' },
    { header: 'LAST-USED', field: 'lastUsedAt', as: 'age' },
    { header: 'PROBLEM', field: 'problem' },
  ],
  actions: [
    { action: 'federation:read', lowestRole: 'viewer' },
    { action: 'federation:manage', lowestRole: 'admin' },
  ],
  operations: {
    list: operation({
      id: 'federation.list',
      method: 'GET',
      path,
      summary: 'Lists whose tokens an organization takes, and under which conditions.',
      access: read,
      target: 'organization',
      query: wholePageQuery,
      output: z.array(schema),
      paged: true,
      cli: { verb: 'list', positional: [] },
    }),
    create: operation({
      id: 'federation.create',
      method: 'POST',
      path,
      summary: 'Takes the tokens of an issuer that meet every condition, as one service account.',
      access: manage,
      target: 'organization',
      body: z
        .strictObject({
          name: slug,
          serviceAccount: z.string().min(1).max(254).describe('name of the service account'),
          issuer: z
            .url({ protocol: /^https$/ })
            .max(300)
            .refine((url) => !/[?#@\s]/.test(url), 'has no query, fragment or user')
            .describe('exactly as in the tokens, for example https://token.actions.githubusercontent.com'),
          audience: z.string().min(1).max(200).describe('exactly as in the tokens'),
          conditions: z
            .array(condition)
            .min(1)
            .max(20)
            .describe(
              `claim=value, all must hold; * is anything up to the next / or :, ** is anything; ${pin}`,
            ),
          scope: z
            .string()
            .max(80)
            .regex(/^(read|write|workspace:[a-z0-9-]+)$/, 'use read, write or workspace:<slug or id>')
            .describe('read, write or workspace:<slug or id>'),
        })
        .refine(saysWhoseJobs, { path: ['conditions'], message: pin }),
      output: schema,
      status: 201,
      errors: ['already_exists', 'conflict', 'not_found'],
      cli: { verb: 'create', positional: ['name'] },
    }),
    get: operation({
      id: 'federation.get',
      method: 'GET',
      path: `${path}/{federation}`,
      summary: 'Shows one, by name or id.',
      access: read,
      target: 'organization',
      output: schema,
      cli: { verb: 'get', positional: ['federation'] },
    }),
    delete: operation({
      id: 'federation.delete',
      method: 'DELETE',
      path: `${path}/{federation}`,
      summary: 'Takes no more of these tokens; what was given for them ends within a second.',
      access: manage,
      target: 'organization',
      status: 204,
      cli: { verb: 'delete', positional: ['federation'], confirm: 'yes-no' },
    }),
  },
});

export type Federation = z.infer<typeof schema>;
