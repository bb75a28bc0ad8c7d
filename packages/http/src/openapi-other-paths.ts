import * as z from 'zod';
import { logoutBody, refreshBody, passwordBody, secondFactorBody } from './auth/auth-input.ts';

/** What is not made from a resource of the contract: signing in (OAuth-shaped, outside the envelope) and the state. */
export function otherPaths(): Record<string, Record<string, unknown>> {
  const json = (description: string, schema: object = {}) => ({
    description,
    content: { 'application/json': { schema } },
  });
  const failure = { default: json('Refused.', { $ref: '#/components/schemas/Error' }) };
  const body = (schema: object) => ({ required: true, content: { 'application/json': { schema } } });
  const post = (summary: string, requestBody: object, answer: Record<string, object>) => ({
    post: { tags: ['sign-in'], summary, security: [], requestBody, responses: { ...answer, ...failure } },
  });
  const get = (summary: string, answer: Record<string, object>, open = false) => ({
    get: { tags: ['state'], summary, ...(open && { security: [] }), responses: { ...answer, ...failure } },
  });
  const tokens = { 200: json('Tokens, in the shape of OAuth 2.', tokenSchema) };
  return {
    '/auth/login': post('Signs in with e-mail and password.', body(loginSchema), tokens),
    '/auth/second-factor': post(
      'The second step of a sign-in with e-mail and password, with the ticket in details of `second_factor_required`.',
      body(inputSchema(secondFactorBody)),
      tokens,
    ),
    '/auth/refresh': post(
      'Gives a refresh token for new tokens, once.',
      body(inputSchema(refreshBody)),
      tokens,
    ),
    '/auth/logout': post('Ends the session.', body(inputSchema(logoutBody)), {
      204: { description: 'Ended.' },
    }),
    '/auth/password': post('Changes your password; every session ends.', body(inputSchema(passwordBody)), {
      204: { description: 'Changed.' },
    }),
    '/auth/me': get('Who is signed in.', { 200: json('The person.') }),
    '/api/v1/auth/validate': get('Checks the access token.', { 200: json('It is valid.') }),
    '/api/v1/auth/sessions': get('Lists your sessions: device, place and time.', {
      200: json('At most three of programs, and the browsers that are signed in.'),
    }),
    '/api/v1/events/stream': get('Changes of your organizations, as server-sent events.', {
      200: { description: 'A stream.', content: { 'text/event-stream': {} } },
    }),
    '/health': get('Whether the process lives.', { 200: json('It lives.') }, true),
    '/ready': get('Whether the database answers.', { 200: json('It does.') }, true),
    '/metrics': get(
      'Numbers for Prometheus.',
      { 200: { description: 'Text.', content: { 'text/plain': {} } } },
      true,
    ),
  };
}

const loginSchema = {
  type: 'object',
  required: ['email', 'password'],
  properties: { email: { type: 'string' }, password: { type: 'string' }, device_id: { type: 'string' } },
};

const tokenSchema = {
  type: 'object',
  required: ['access_token', 'refresh_token', 'token_type', 'expires_in', 'expires_at', 'user'],
  properties: {
    token: { type: 'string', description: 'the same as access_token' },
    access_token: { type: 'string' },
    refresh_token: { type: 'string' },
    token_type: { const: 'Bearer' },
    expires_in: { type: 'integer', description: 'seconds' },
    expires_at: { type: 'string', description: 'RFC 3339 in UTC' },
    user: { type: 'object' },
  },
};

function inputSchema(schema: z.ZodObject): object {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io: 'input' });
  return rest;
}
