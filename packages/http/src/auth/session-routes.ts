import { brandId } from '@hexabase/kernel/id.ts';
import type { FastifyInstance } from 'fastify';
import { deviceOf, privately } from './answer-tokens.ts';
import { keepDevice } from './cookies/device-cookie.ts';
import { bodyBytesMax, parseBody, passwordBody } from './auth-input.ts';
import type { AuthIdentity } from './auth-port.ts';
import { deviceWord, placeWord } from './session-words.ts';
import { requestToken } from './request-token.ts';

/** What somebody who is signed in sees and does of that: who they are, where else they are signed in, their password. */
export async function sessionRoutes(
  app: FastifyInstance,
  { identity }: { identity: AuthIdentity },
): Promise<void> {
  app.get('/auth/me', async (request, reply) =>
    privately(reply).send(await identity.describe(requestToken(request))),
  );

  app.post('/auth/password', { bodyLimit: bodyBytesMax }, async (request, reply) => {
    const actor = await identity.authenticate(requestToken(request));
    const { current_password: current, new_password: password } = parseBody(passwordBody, request.body);
    await identity.changePassword(actor, { current, password, device: deviceOf(request, undefined) });
    // Places and devices of the old password are forgotten, and they have to sign in again, whoever guesses meanwhile.
    await keepDevice({ request, reply }, identity, actor.userId);
    return privately(reply).status(204).send();
  });

  app.get('/api/v1/auth/validate', async (request, reply) => {
    const user = await identity.describe(requestToken(request));
    return privately(reply).send({ data: { valid: true, user }, meta: { requestId: request.id } });
  });

  app.get('/api/v1/auth/sessions', async (request, reply) => {
    const sessions = await identity.listSessions(await identity.authenticate(requestToken(request)));
    const data = sessions.map((session) => ({
      ...session,
      device: deviceWord(session.userAgent),
      place: placeWord(session.address),
    }));
    return privately(reply).send({ data, meta: { requestId: request.id, total: data.length } });
  });

  app.delete<{ Params: { id: string } }>('/api/v1/auth/sessions/:id', async (request, reply) => {
    const actor = await identity.authenticate(requestToken(request));
    await identity.endSession(actor, brandId(request.params.id));
    return privately(reply).status(204).send();
  });
}
