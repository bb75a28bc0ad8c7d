import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AuthDevice, AuthTokens } from './auth-port.ts';

/** Where a request comes from. */
export function deviceOf(request: FastifyRequest, deviceId: string | undefined): AuthDevice {
  return {
    userAgent: request.headers['user-agent']?.slice(0, 256) ?? null,
    address: request.ip,
    deviceId: deviceId ?? null,
  };
}

/** Tokens in OAuth's words (RFC 6749 §5.1) plus who it is. */
export function oauthTokens(tokens: AuthTokens) {
  return {
    token: tokens.accessToken,
    access_token: tokens.accessToken,
    refresh_token: tokens.refreshToken,
    token_type: tokens.tokenType,
    expires_in: tokens.expiresIn,
    expires_at: tokens.expiresAt,
    user: tokens.user,
  };
}

/** Answers with tokens or personal facts are kept by no cache (RFC 6749 §5.1). */
export function privately(reply: FastifyReply): FastifyReply {
  return reply.header('cache-control', 'no-store').header('pragma', 'no-cache');
}
