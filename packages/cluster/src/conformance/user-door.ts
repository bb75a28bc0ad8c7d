import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, type Agent } from 'node:https';
import { text } from 'node:stream/consumers';
import { tlsAgent } from '../kube-api/tls-agent.ts';
import type { Upstream } from '../port.ts';

/** A user's way into a cluster, over real HTTP, with the user's own token. */
export interface UserDoor extends AsyncDisposable {
  send(request: UserRequest): Promise<UserAnswer>;
  /** Leaves the answer open, for watches and followed logs. */
  open(request: UserRequest): Promise<IncomingMessage>;
}

export interface UserRequest {
  path: string;
  method?: string;
  body?: unknown;
  /** Instead of the user's own; null sends none. */
  token?: string | null;
}

export interface UserAnswer {
  status: number;
  text: string;
}

/** Opens a port before an upstream that is a handler; calls one that is an address, by the way in that it names. */
export async function openUserDoor(upstream: Upstream, token: string): Promise<UserDoor> {
  const { base, agent, close } = await reach(upstream);
  const open: UserDoor['open'] = (request) => {
    const bearer = request.token === undefined ? token : request.token;
    const send = base.protocol === 'https:' ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const outgoing = send(new URL(base.pathname.replace(/\/$/, '') + request.path, base), {
        method: request.method ?? 'GET',
        agent,
        headers: {
          accept: 'application/json',
          ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
          ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
        },
      });
      outgoing.on('response', resolve).on('error', reject);
      outgoing.end(request.body === undefined ? undefined : JSON.stringify(request.body));
    });
  };
  return {
    open,
    async send(request) {
      const response = await open(request);
      return { status: response.statusCode ?? 0, text: await text(response) };
    },
    [Symbol.asyncDispose]: close,
  };
}

interface Reached {
  base: URL;
  /** False makes a connection for each request. */
  agent: Agent | false;
  close(): Promise<void>;
}

async function reach(upstream: Upstream): Promise<Reached> {
  if (upstream.kind === 'url') {
    const agent = tlsAgent({ ...upstream, keepAlive: false });
    return { base: new URL(upstream.url), agent, close: async () => agent.destroy() };
  }
  const server = createServer((request, response) => upstream.handle(request, response));
  server.on('upgrade', (request, socket, head) => upstream.upgrade(request, socket, head));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    base: new URL(`http://127.0.0.1:${port}`),
    agent: false,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
