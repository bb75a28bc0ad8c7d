import { once } from 'node:events';
import { Agent, createServer, request as httpsRequest } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  connect,
  createServer as createTcpServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net';
import { makeAuthority, signServer } from '@hexabase/kernel/certificates/sign-certificates.ts';

/** A Kubernetes API that fails as it is told, with a real one behind it. */
export interface FaultProxy extends AsyncDisposable {
  server: string;
  certificateAuthority: string;
  /** `refused`: nobody listens, as far as anybody can tell. `silent`: half-open, bytes go nowhere in either direction. */
  line(state: 'open' | 'refused' | 'silent'): void;
  /** Decides about each request from now on; null takes all of them through. */
  faults(choose: Chooser | null): void;
}

export interface Asked {
  method: string;
  path: string;
}

export type Chooser = (asked: Asked) => Fault | null;

export type Fault =
  | { kind: 'answer'; status: number; headers?: Record<string, string>; message: string }
  /** It is done, and nobody learns of it. */
  | { kind: 'lose-answer' }
  /** It waits for this and goes through then, whoever has given up meanwhile; the answer's status is told. */
  | { kind: 'hold'; until: Promise<unknown>; done?: (status: number) => void };

export interface ApiPlace {
  url: string;
  certificateAuthority: string;
}

export async function startFaultProxy(api: ApiPlace): Promise<FaultProxy> {
  const agent = new Agent({ ca: api.certificateAuthority, keepAlive: true });
  const authority = makeAuthority([], Date.now());
  const certificate = signServer(authority, ['127.0.0.1', 'localhost'], Date.now());
  let choose: Chooser | null = null;
  const inner = createServer({ cert: certificate.certPem, key: certificate.keyPem }, (incoming, outgoing) => {
    const fault = choose?.({ method: incoming.method ?? '', path: incoming.url ?? '' }) ?? null;
    void suffer(fault, { incoming, outgoing, pass: { url: api.url, agent } });
  });
  const innerPort = await listen(inner);
  const line = startLine(innerPort);
  const port = await listen(line.server);
  return {
    server: `https://127.0.0.1:${port}`,
    certificateAuthority: authority.certPem,
    line: line.set,
    faults: (chosen) => void (choose = chosen),
    async [Symbol.asyncDispose]() {
      line.set('refused');
      line.server.close();
      inner.close();
      inner.closeAllConnections();
      agent.destroy();
    },
  };
}

/** TCP in front of the proxy, so that connections can die in every way that they die. */
function startLine(innerPort: number) {
  let state: 'open' | 'refused' | 'silent' = 'open';
  const pairs = new Set<[Socket, Socket]>();
  const server = createTcpServer((client) => {
    client.on('error', () => undefined);
    if (state === 'refused') client.destroy();
    if (state !== 'open') return;
    const inside = connect(innerPort, '127.0.0.1');
    const pair: [Socket, Socket] = [client, inside];
    pairs.add(pair);
    inside.on('error', () => undefined);
    client.pipe(inside).pipe(client);
    const end = (): void => {
      pairs.delete(pair);
      client.destroy();
      inside.destroy();
    };
    client.once('close', end);
    inside.once('close', end);
  });
  return {
    server,
    set(next: typeof state): void {
      state = next;
      for (const [client, inside] of pairs) {
        if (next === 'refused') client.destroy();
        if (next === 'silent') client.unpipe(inside);
        if (next === 'silent') inside.unpipe(client);
      }
    },
  };
}

interface Exchange {
  incoming: IncomingMessage;
  outgoing: ServerResponse;
  pass: Pass;
}

async function suffer(fault: Fault | null, { incoming, outgoing, pass }: Exchange): Promise<void> {
  try {
    if (fault?.kind === 'answer') return answer(outgoing, fault);
    if (fault?.kind === 'hold') await fault.until;
    const answered = await passOn(incoming, pass);
    if (fault?.kind === 'hold') fault.done?.(answered.statusCode ?? 0);
    if (fault?.kind === 'lose-answer') return void answered.resume();
    giveBack(answered, outgoing);
  } catch {
    outgoing.destroy();
  }
}

function answer(outgoing: ServerResponse, fault: Fault & { kind: 'answer' }): void {
  const { status: code, headers, message } = fault;
  outgoing.writeHead(code, { ...headers, 'content-type': 'application/json' });
  outgoing.end(JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code, message }));
}

export interface Pass {
  url: string;
  agent: Agent;
}

/** Sends a request on as it came, once all of it is here: what was received is done even if the sender is gone then. */
export async function passOn(incoming: IncomingMessage, { url, agent }: Pass): Promise<IncomingMessage> {
  const body = Buffer.concat(await incoming.toArray());
  const { method } = incoming;
  const { host: _, connection: __, ...headers } = incoming.headers;
  const outgoing = httpsRequest(`${url}${incoming.url ?? ''}`, { method, headers, agent });
  outgoing.end(body);
  const [answered]: IncomingMessage[] = await once(outgoing, 'response');
  if (!answered) throw new Error('there is no answer');
  return answered;
}

export function giveBack(answered: IncomingMessage, outgoing: ServerResponse): void {
  outgoing.writeHead(answered.statusCode ?? 502, answered.headers);
  answered.pipe(outgoing);
  answered.once('error', () => outgoing.destroy());
}

/** On a free port of the loopback interface. */
export async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address: AddressInfo | string | null = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}
