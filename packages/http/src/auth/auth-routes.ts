import formbody from '@fastify/formbody';
import { brandId } from '@hexabase/kernel/id.ts';
import type { FastifyInstance } from 'fastify';
import {
  bodyBytesMax,
  loginBody,
  logoutBody,
  parseBody,
  refreshBody,
  secondFactorBody,
} from './auth-input.ts';
import type { AuthFederation, AuthIdentity, AuthLetters, AuthUpstream, OidcHandler } from './auth-port.ts';
import { deviceOf, oauthTokens, privately } from './answer-tokens.ts';
import { keepDevice, knownDeviceOf } from './cookies/device-cookie.ts';
import { deviceRoutes } from './device-routes.ts';
import { grantRoutes } from './grant-routes.ts';
import { authorizeRoutes } from './authorize-routes.ts';
import { interactionRoutes } from './interaction-routes.ts';
import { letterRoutes } from './letters/letter-routes.ts';
import { mountOidc } from './oidc-mount.ts';
import { passkeyRoutes } from './second-factor/passkey-routes.ts';
import { requestToken } from './request-token.ts';
import { sessionRoutes } from './session-routes.ts';
import { upstreamRoutes } from './upstream/upstream-routes.ts';
import { waysIn } from './upstream/ways-in.ts';

export interface AuthRoutesOptions {
  identity: AuthIdentity;
  /** Absent where another replica serves the provider. */
  oidc?: OidcHandler;
  /** Absent where people sign in with passwords only. */
  upstream?: AuthUpstream;
  /** Absent where no tokens of CI systems are taken. */
  federation?: AuthFederation;
  /** Absent where only operators make accounts. */
  letters?: AuthLetters;
}

/**
 * Fastify plugin: signing in and out. `/auth/*` answers in OAuth's shape on the top level, `/api/v1/auth/*` in the
 * envelope; errors are thrown as AppError for the error handler of the server that registers it.
 */
export async function authRoutes(app: FastifyInstance, options: AuthRoutesOptions): Promise<void> {
  const { identity } = options;
  if (!app.hasContentTypeParser('application/x-www-form-urlencoded'))
    await app.register(formbody, { bodyLimit: bodyBytesMax });

  tokenRoutes(app, identity);

  await app.register(sessionRoutes, { identity });
  const ways = waysIn(options);
  await app.register(grantRoutes, options);
  await app.register(authorizeRoutes, { identity, ways });
  await app.register(deviceRoutes, { identity, ways });
  await app.register(passkeyRoutes, { identity });
  if (options.letters && identity.passwords)
    await app.register(letterRoutes, { identity, letters: options.letters });
  if (options.upstream) await app.register(upstreamRoutes, { identity, upstream: options.upstream });
  if (options.oidc) {
    await app.register(interactionRoutes, { identity, ways, interactions: options.oidc.interactions });
    await app.register(mountOidc, { handler: options.oidc });
  }
}

/** What programs call to be given tokens, and to give them back. */
function tokenRoutes(app: FastifyInstance, identity: AuthIdentity): void {
  const limits = { bodyLimit: bodyBytesMax };

  app.post('/auth/login', limits, async (request, reply) => {
    const { email, password, device_id } = parseBody(loginBody, request.body);
    const device = deviceOf(request, device_id);
    const knownDevice = knownDeviceOf(request, identity);
    const tokens = await identity.signIn({ email, password, device, knownDevice });
    await keepDevice({ request, reply }, identity, brandId(tokens.user.id));
    return privately(reply).send(oauthTokens(tokens));
  });

  app.post('/auth/second-factor', limits, async (request, reply) => {
    const { ticket, code, device_id } = parseBody(secondFactorBody, request.body);
    const tokens = await identity.finishSignIn({ ticket, code, device: deviceOf(request, device_id) });
    await keepDevice({ request, reply }, identity, brandId(tokens.user.id));
    return privately(reply).send(oauthTokens(tokens));
  });

  app.post('/auth/refresh', limits, async (request, reply) => {
    const { refresh_token, device_id } = parseBody(refreshBody, request.body);
    const tokens = await identity.refresh({ refreshToken: refresh_token, deviceId: device_id ?? null });
    return privately(reply).send(oauthTokens(tokens));
  });

  app.post('/auth/logout', limits, async (request, reply) => {
    const { refresh_token } = parseBody(logoutBody, request.body);
    await identity.signOut(refresh_token ?? requestToken(request));
    return privately(reply).status(204).send();
  });
}
