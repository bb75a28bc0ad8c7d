import * as z from 'zod';
import { id, timestamp, wholePageQuery } from '../common.ts';
import { operation } from '../operation.ts';
import { defineResource, type Column } from '../resource.ts';

/** A token ends after this many days at the latest. */
export const tokenDaysMax = 365;

/** A token without the token itself. */
export const tokenSchema = z.object({
  id,
  name: z.string(),
  scope: z.string().describe('`read`, `write` or `workspace:<id>`'),
  createdBy: id,
  createdAt: timestamp,
  expiresAt: timestamp,
  lastUsedAt: timestamp.nullable().describe('at most a minute behind'),
});

/** The only answer that ever holds the token itself. */
export const newTokenSchema = tokenSchema.extend({
  token: z.string().describe('shown this once; only its hash is kept'),
});

/** A token of a service account, whose maker may have kept it. */
export const machineTokenSchema = tokenSchema.extend({
  madeBy: z
    .string()
    .describe('e-mail address of who made it, or `left` for somebody who is in the organization no more'),
});

/** What is asked of a token, whoever it belongs to. */
export const tokenBody = z.strictObject({
  name: z
    .string()
    .trim()
    .min(1)
    .max(50)
    .regex(/^[^\p{Cc}\p{Cf}]+$/u, 'leave out control characters')
    .refine((text) => !/^[0-9a-f]{8}-[0-9a-f]{4}-/i.test(text), 'a name must not look like an id'),
  scope: z
    .string()
    .max(80)
    .regex(/^(read|write|workspace:[a-z0-9-]+)$/, 'use read, write or workspace:<slug or id>')
    .describe('read, write or workspace:<slug or id>'),
  expires: z
    .string()
    .regex(/^[1-9]\d{0,3}[hd]$/, 'use hours or days, for example 12h or 90d')
    .describe(`after how long it ends, for example 12h or 90d; ${tokenDaysMax}d at most`),
});

export const tokenExample = { name: 'ci', scope: 'read', expires: '90d' } as const;

export const tokenColumns: readonly Column[] = [
  { header: 'NAME', field: 'name' },
  { header: 'SCOPE', field: 'scope' },
  { header: 'EXPIRES', field: 'expiresAt' },
  { header: 'LAST-USED', field: 'lastUsedAt', as: 'age' },
  { header: 'ID', field: 'id' },
];

export const machineTokenColumns: readonly Column[] = [
  { header: 'NAME', field: 'name' },
  { header: 'SCOPE', field: 'scope' },
  { header: 'MADE-BY', field: 'madeBy' },
  { header: 'EXPIRES', field: 'expiresAt' },
  { header: 'LAST-USED', field: 'lastUsedAt', as: 'age' },
  { header: 'ID', field: 'id' },
];

export const newTokenColumns: readonly Column[] = [
  { header: 'NAME', field: 'name' },
  { header: 'SCOPE', field: 'scope' },
  { header: 'EXPIRES', field: 'expiresAt' },
  { header: 'TOKEN', field: 'token' },
];

const path = '/api/v1/tokens';

/** Lets a program act for a person, within a scope and until a day. */
export const token = defineResource({
  noun: 'token',
  plural: 'tokens',
  help: 'Lets a program act for you, within a scope and until a day. Programs of a team are better service accounts.',
  schema: tokenSchema,
  columns: tokenColumns,
  operations: {
    list: operation({
      id: 'token.list',
      method: 'GET',
      path,
      summary: 'Lists your API tokens, without the tokens themselves.',
      access: { kind: 'authenticated' },
      query: wholePageQuery,
      output: z.array(tokenSchema),
      paged: true,
      cli: { verb: 'list', positional: [] },
    }),
    create: operation({
      id: 'token.create',
      method: 'POST',
      path,
      summary: 'Makes an API token and shows it this once.',
      access: { kind: 'authenticated' },
      body: tokenBody,
      example: tokenExample,
      output: newTokenSchema,
      status: 201,
      errors: ['already_exists', 'conflict', 'rate_limited', 'not_found', 'second_factor_required'],
      sensitive: true,
      cli: { verb: 'create', positional: [], columns: newTokenColumns },
    }),
    revoke: operation({
      id: 'token.revoke',
      method: 'DELETE',
      path: `${path}/{token}`,
      summary: 'Ends one of your tokens, and within a second every connection that it opened.',
      access: { kind: 'authenticated' },
      status: 204,
      errors: ['not_found'],
      cli: { verb: 'revoke', positional: ['token'] },
    }),
  },
});

export type Token = z.infer<typeof tokenSchema>;
export type MachineToken = z.infer<typeof machineTokenSchema>;
export type NewToken = z.infer<typeof newTokenSchema>;
export type TokenBody = z.infer<typeof tokenBody>;
