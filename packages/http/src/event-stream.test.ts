import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import type { Actor } from '@hexabase/kernel/actor.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import fastify from 'fastify';
import { expect, it } from 'vitest';
import { mountEventStream, type Change } from './event-stream.ts';
import { createRateLimiter, defaultRateLimit } from './rate-limit.ts';

const organizationId = newId<'Organization'>();

/** A server whose only organization changes when it is told to, each time with 64 KiB to tell of it. */
async function serve(stack: AsyncDisposableStack) {
  const listeners = new Set<(change: Change | null) => void>();
  const app = fastify();
  stack.defer(() => app.close());
  const actorOf = (token: string): Actor => ({
    userId: newId<'User'>(),
    email: `${token}@example.test`,
    sessionId: newId<'Session'>(),
    platformRole: null,
    memberships: [{ organizationId, role: 'viewer' }],
  });
  mountEventStream(app, {
    changes: {
      subscribe(listener) {
        listeners.add(listener);
        return { [Symbol.dispose]: () => void listeners.delete(listener) };
      },
      onRevocation: () => ({ [Symbol.dispose]: () => undefined }),
      read: async ({ id }) => ({ id, text: 'x'.repeat(64 * 1024) }),
    },
    authenticate: async (token) => actorOf(token),
    limiter: createRateLimiter({ clock: systemClock, log: silentLogger, limit: defaultRateLimit }),
    log: silentLogger,
  });
  const sockets = new Map<string, { destroyed: boolean }>();
  app.server.on('request', (request: IncomingMessage) =>
    sockets.set(request.headers.authorization ?? '', request.socket),
  );
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  return {
    async open(token: string): Promise<IncomingMessage> {
      const headers = { authorization: `Bearer ${token}` };
      const request = get(`${url}/api/v1/events/stream`, { headers, agent: false });
      const [answer]: IncomingMessage[] = await once(request, 'response');
      if (!answer) throw new Error('no answer came');
      stack.defer(() => void answer.destroy());
      return answer.on('error', () => undefined);
    },
    /** Whether the server has let somebody's connection go. */
    isLetGo: (token: string) => sockets.get(`Bearer ${token}`)?.destroyed,
    change(id: string): void {
      for (const listener of listeners) listener({ noun: 'workspace', organizationId, id });
    },
  };
}

it('a stream that nobody reads is let go before it fills the process, and the others go on', async () => {
  await using stack = new AsyncDisposableStack();
  const server = await serve(stack);
  const deaf = await server.open('deaf');
  deaf.pause();
  let heard = '';
  const reader = await server.open('reader');
  reader.on('data', (chunk) => (heard = `${heard}${String(chunk)}`.slice(-200_000)));
  let sent = 0;
  await expect
    .poll(
      () => {
        // What the kernel holds for both sides is some megabytes.
        for (let n = 0; n < 100; n += 1) server.change(`w${(sent += 1)}`);
        return server.isLetGo('deaf');
      },
      { timeout: 30_000, interval: 200 },
    )
    .toBe(true);
  server.change('the-last');
  await expect.poll(() => heard, { timeout: 10_000 }).toContain('the-last');
  expect(server.isLetGo('reader')).toBe(false);
});
