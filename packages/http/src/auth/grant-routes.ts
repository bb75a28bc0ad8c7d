import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '@hexabase/kernel/errors.ts';
import { deviceOf, oauthTokens, privately } from './answer-tokens.ts';
import {
  accessTokenType,
  deviceBody,
  exchangeBody,
  parseBody,
  tokenBody,
  tokenExchangeGrant,
} from './auth-input.ts';
import type { AuthFederation, AuthIdentity } from './auth-port.ts';
import { browserOrigin } from './browser-origin.ts';

const grantTypes = ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'];

/**
 * What programs call to be signed in through a browser: `POST /auth/device` (RFC 8628 §3.1) and `POST /auth/token`
 * (RFC 6749 §4.1.3, RFC 8628 §3.4, and RFC 8693 for CI systems that bring tokens of their own). Refusals have OAuth's
 * shape.
 */
export async function grantRoutes(
  app: FastifyInstance,
  { identity, federation }: { identity: AuthIdentity; federation?: AuthFederation },
): Promise<void> {
  app.setErrorHandler((error, _request, reply) => answerRefusal(error, reply));

  app.post('/auth/device', async (request, reply) => {
    const { client_id: clientId, device_name: deviceName } = parseBody(deviceBody, request.body);
    const asker = { clientId, deviceName: deviceName || null, address: request.ip };
    const started = await identity.browser.startDevice(asker);
    const page = `${browserOrigin(request, identity.issuer)}/device`;
    return privately(reply).send({
      device_code: started.deviceCode,
      user_code: started.userCode,
      verification_uri: page,
      verification_uri_complete: `${page}?user_code=${started.userCode}`,
      expires_in: started.expiresIn,
      interval: started.interval,
    });
  });

  app.post('/auth/token', async (request, reply) => {
    const grantType = grantTypeOf(request.body);
    if (federation && grantType === tokenExchangeGrant) return exchange(federation, request, reply);
    if (grantType !== undefined && !grantTypes.includes(grantType))
      return refuse(reply, {
        error: 'unsupported_grant_type',
        description: 'This grant type is not taken here.',
      });
    const body = parseBody(tokenBody, request.body);
    const device = deviceOf(request, body.device_id);
    const tokens =
      body.grant_type === 'authorization_code'
        ? await identity.browser.redeem({
            code: body.code,
            clientId: body.client_id,
            redirectUri: body.redirect_uri,
            codeVerifier: body.code_verifier,
            device,
          })
        : await identity.browser.pollDevice({
            deviceCode: body.device_code,
            clientId: body.client_id,
            device,
          });
    return privately(reply).send(oauthTokens(tokens));
  });
}

/** RFC 8693 §2.2.1. */
async function exchange(
  federation: AuthFederation,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const body = parseBody(exchangeBody, request.body);
  const given = await federation.exchange({
    token: body.subject_token,
    serviceAccount: body.audience,
    address: request.ip,
  });
  return privately(reply).send({
    access_token: given.token,
    issued_token_type: accessTokenType,
    token_type: 'Bearer',
    expires_in: given.expiresIn,
    scope: given.scope,
  });
}

function grantTypeOf(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null || !('grant_type' in body)) return undefined;
  return typeof body.grant_type === 'string' ? body.grant_type : undefined;
}

/** GrantErrors and bad input in OAuth's shape; the rest goes on to the server's own handler. */
function answerRefusal(error: unknown, reply: FastifyReply): FastifyReply {
  if (error instanceof Error && error.name === 'GrantError' && 'code' in error)
    return refuse(reply, { error: String(error.code), description: error.message });
  if (error instanceof AppError && error.code === 'validation_failed')
    return refuse(reply, { error: 'invalid_request', description: fieldsOf(error) });
  throw error;
}

function refuse(
  reply: FastifyReply,
  { error, description }: { error: string; description: string },
): FastifyReply {
  const status = error === 'invalid_client' ? 401 : 400;
  return privately(reply).status(status).send({ error, error_description: description });
}

function fieldsOf(error: AppError): string {
  const { fields } = error.details;
  const names = Array.isArray(fields)
    ? fields.map((field: { path?: string }) => field.path).filter(Boolean)
    : [];
  return names.length > 0 ? `Missing or not valid: ${names.join(', ')}.` : error.message;
}
