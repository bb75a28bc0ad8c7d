import * as z from 'zod';
import { emailAddress, id, timestamp } from '../common.ts';
import { operation } from '../operation.ts';
import { defineResource } from '../resource.ts';

declare module '../action.ts' {
  interface ResourceActions {
    'second-factor:reset': true;
  }
}

const schema = z.object({
  id: z.string().describe('`recovery-codes` for the codes'),
  kind: z.enum(['totp', 'passkey', 'recovery-codes']),
  name: z.string(),
  left: z.int().nullable().describe('recovery codes that were not used yet'),
  createdAt: timestamp,
  lastUsedAt: timestamp.nullable(),
});

const name = z
  .string()
  .trim()
  .min(1)
  .max(50)
  .regex(/^[^\p{Cc}\p{Cf}]+$/u, 'leave out control characters');

const recoveryCodes = z
  .array(z.object({ code: z.string() }))
  .describe('shown this once: each signs you in once when your second factors are lost');

const codeColumns = [{ header: 'RECOVERY-CODES', field: 'code' }] as const;

const path = '/api/v1/second-factors';

/** Proves once more who somebody is, at every sign-in. */
export const secondFactor = defineResource({
  noun: 'second-factor',
  plural: 'second-factors',
  help: 'Authenticator apps and passkeys that your sign-ins ask for. They change within five minutes of signing in only.',
  schema,
  columns: [
    { header: 'NAME', field: 'name' },
    { header: 'KIND', field: 'kind' },
    { header: 'LEFT', field: 'left' },
    { header: 'LAST-USED', field: 'lastUsedAt', as: 'age' },
    { header: 'ID', field: 'id' },
  ],
  platformActions: ['second-factor:reset'],
  operations: {
    list: operation({
      id: 'second-factor.list',
      method: 'GET',
      path,
      summary: 'Lists your second factors, without their secrets.',
      access: { kind: 'authenticated' },
      output: z.array(schema),
      cli: { verb: 'list', positional: [], isDefault: true },
    }),
    addTotp: operation({
      id: 'second-factor.add-totp',
      method: 'POST',
      path: `${path}/totp`,
      summary:
        'Makes a secret for an authenticator app and shows it this once; `confirm` it with a code of the app.',
      access: { kind: 'authenticated' },
      body: z.strictObject({ name: name.default('Authenticator app') }),
      example: { name: 'telephone' },
      output: z.object({
        id,
        secret: z.string().describe('to type into an app'),
        uri: z.string().describe('otpauth address, for apps that take one or a QR code of it'),
      }),
      status: 201,
      errors: ['fresh_sign_in_required', 'second_factor_required', 'conflict'],
      sensitive: true,
      cli: {
        verb: 'add-totp',
        positional: [],
        columns: [
          { header: 'ID', field: 'id' },
          { header: 'SECRET', field: 'secret' },
          { header: 'URI', field: 'uri' },
        ],
      },
    }),
    confirm: operation({
      id: 'second-factor.confirm',
      method: 'POST',
      path: `${path}/{factor}/confirm`,
      summary:
        'Turns an authenticator app on with its first code. Recovery codes come with your first second factor.',
      access: { kind: 'authenticated' },
      body: z.strictObject({ code: z.string().min(1).max(64) }),
      example: { code: '123456' },
      output: recoveryCodes,
      errors: ['second_factor_required', 'not_found'],
      sensitive: true,
      cli: {
        verb: 'confirm',
        positional: ['factor', 'code'],
        columns: codeColumns,
      },
    }),
    addPasskey: operation({
      id: 'second-factor.add-passkey',
      method: 'POST',
      path: `${path}/passkeys`,
      summary: 'Answers an address to open in a browser within ten minutes; the page adds a passkey.',
      access: { kind: 'authenticated' },
      body: z.strictObject({ name: name.default('Passkey') }),
      example: { name: 'laptop' },
      output: z.object({ url: z.string(), expiresAt: timestamp }),
      status: 201,
      errors: ['fresh_sign_in_required', 'second_factor_required', 'conflict'],
      sensitive: true,
      cli: {
        verb: 'add-passkey',
        positional: [],
        columns: [
          { header: 'OPEN', field: 'url' },
          { header: 'UNTIL', field: 'expiresAt' },
        ],
      },
    }),
    renewCodes: operation({
      id: 'second-factor.renew-codes',
      method: 'POST',
      path: `${path}/recovery-codes`,
      summary: 'Makes new recovery codes; the old ones do not work any more.',
      access: { kind: 'authenticated' },
      output: recoveryCodes,
      status: 201,
      errors: ['fresh_sign_in_required', 'second_factor_required', 'conflict'],
      sensitive: true,
      cli: {
        verb: 'renew-codes',
        positional: [],
        columns: codeColumns,
      },
    }),
    remove: operation({
      id: 'second-factor.remove',
      method: 'DELETE',
      path: `${path}/{factor}`,
      summary:
        'Removes one of your second factors; the last one only while no organization of yours asks for one.',
      access: { kind: 'authenticated' },
      status: 204,
      errors: ['fresh_sign_in_required', 'second_factor_required', 'not_found', 'conflict'],
      cli: { verb: 'remove', positional: ['factor'], confirm: 'yes-no' },
    }),
    reset: operation({
      id: 'second-factor.reset',
      method: 'POST',
      path: `${path}/reset`,
      summary:
        'Removes all second factors of somebody who has lost them, and ends every session of theirs; within five minutes of signing in.',
      access: { kind: 'platform', action: 'second-factor:reset' },
      body: z.strictObject({ email: emailAddress }),
      example: { email: 'viewer@example.test' },
      status: 204,
      errors: ['fresh_sign_in_required', 'second_factor_required', 'not_found'],
      cli: { verb: 'reset', positional: ['email'], confirm: 'yes-no' },
    }),
  },
});
