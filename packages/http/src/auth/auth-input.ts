import { AppError } from '@hexabase/kernel/errors.ts';
import * as z from 'zod';

/** Bodies of signing in are small. */
export const bodyBytesMax = 16 * 1024;

const deviceId = z.string().min(1).max(128).optional();

/** `username` is OAuth's word for the e-mail address; forms of generic clients send it. */
export const loginBody = z.union([
  z.strictObject({
    email: z.string().min(1).max(254),
    password: z.string().min(1).max(1024),
    device_id: deviceId,
  }),
  z
    .object({
      username: z.string().min(1).max(254),
      password: z.string().min(1).max(1024),
      device_id: deviceId,
    })
    .transform(({ username, password, device_id }) => ({ email: username, password, device_id })),
]);

export const passwordBody = z.strictObject({
  current_password: z.string().min(1).max(1024),
  new_password: z.string().min(1).max(1024),
});

export const refreshBody = z.object({ refresh_token: z.string().min(1).max(512), device_id: deviceId });

export const logoutBody = z.object({ refresh_token: z.string().min(1).max(512).optional() });

const clientId = z.string().min(1).max(128);

/** RFC 8628 §3.1. */
export const deviceBody = z.object({
  client_id: clientId,
  device_name: z
    .string()
    .max(200)
    .transform((name) =>
      name
        .replace(/[^\p{L}\p{N} ._-]/gu, '')
        .trim()
        .slice(0, 64),
    )
    .optional(),
});

/** RFC 6749 §4.1.3 with RFC 7636 §4.5, and RFC 8628 §3.4. */
export const tokenBody = z.discriminatedUnion('grant_type', [
  z.object({
    grant_type: z.literal('authorization_code'),
    client_id: clientId,
    code: z.string().min(1).max(128),
    redirect_uri: z.string().min(1).max(256),
    code_verifier: z.string().regex(/^[\w.~-]{43,128}$/),
    device_id: deviceId,
  }),
  z.object({
    grant_type: z.literal('urn:ietf:params:oauth:grant-type:device_code'),
    client_id: clientId,
    device_code: z.string().min(1).max(128),
    device_id: deviceId,
  }),
]);

export const tokenExchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token';

/** RFC 8693 §2.1; the audience is the service account that a job wants to be. */
export const exchangeBody = z.object({
  grant_type: z.literal(tokenExchangeGrant),
  subject_token: z.string().min(1).max(12_000),
  subject_token_type: z.enum([
    'urn:ietf:params:oauth:token-type:jwt',
    'urn:ietf:params:oauth:token-type:id_token',
  ]),
  audience: z.string().min(1).max(254),
  requested_token_type: z.literal(accessTokenType).optional(),
});

/** RFC 6749 §4.1.1 with RFC 7636 §4.3, once client and address are known to be ours; S256 and nothing else. */
export const authorizeQuery = z.object({
  response_type: z.literal('code'),
  code_challenge: z.string().regex(/^[\w-]{43}$/),
  code_challenge_method: z.literal('S256'),
  state: z.string().min(1).max(512).optional(),
});

/** Whom a code would be sent to; judged before anything is. */
export const authorizeTarget = z.object({ client_id: clientId, redirect_uri: z.string().min(1).max(256) });

/** What the forms of the sign-in pages send. Fields that are absent are empty: the pages say what is missing. */
export const signInForm = z.object({
  form_token: z.string().max(128).default(''),
  user_code: z.string().max(64).default(''),
  email: z.string().max(254).default(''),
  password: z.string().max(1024).default(''),
  decision: z.enum(['allow', 'deny']).default('allow'),
  /** The ticket of the second step, and what answers it. */
  second_factor: z.string().max(128).default(''),
  code: z.string().max(64).default(''),
  passkey: z.string().max(16_384).default(''),
});

/** The second step of `/auth/login`. */
export const secondFactorBody = z.strictObject({
  ticket: z.string().min(1).max(128),
  code: z.string().min(1).max(64),
  device_id: deviceId,
});

/** Throws AppError `validation_failed` with the fields that do not fit; never repeats a value. */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body ?? {});
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message }));
  throw new AppError('validation_failed', { details: { fields } });
}
