import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { pipeline } from 'node:stream';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { Upstream } from '@hexabase/cluster/port.ts';
import type { Outcome } from './answer/outcome.ts';
import { headerLines, withAuditId, withoutHops } from './hop-headers.ts';
import { Refusal, sendRefusal, sendRefusalOnSocket, unavailable } from './refusal.ts';
import { isBodiless } from './request-headers.ts';
import { targetOf, type UrlUpstream } from './upstream-target.ts';

export interface PassedRequest {
  request: IncomingMessage;
  response: ServerResponse;
  /** Over when the answer is not waited for any more. */
  outcome: Pick<Outcome, 'isOver' | 'whenOver'>;
  /** Told why no answer came, people only that none came; `isLost`: a change that may have been made. */
  failed(error: Error, of: { isLost: boolean }): void;
}

export interface PassedUpgrade {
  request: IncomingMessage;
  socket: Duplex;
  head: Buffer;
  failed(error: Error): void;
}

/** Methods that change nothing (RFC 9110 §9.2.1): repeating them is always right. */
const safeMethods: readonly (string | undefined)[] = ['GET', 'HEAD', 'OPTIONS'];

/** Serves a request from a handler in this process, or streams it to an API server and back. */
export function passOn(upstream: Upstream, passed: PassedRequest): void {
  if (upstream.kind === 'handler') upstream.handle(passed.request, passed.response);
  else send(upstream, passed, 'pooled');
}

function send(upstream: UrlUpstream, passed: PassedRequest, use: 'pooled' | 'single'): void {
  const { request, response, outcome } = passed;
  const outgoing = httpsRequest(targetOf(upstream, request, use));
  let sending = false;
  let isWhole = () => false;
  // Nothing of the body is taken before there is a verified connection to put it on.
  onceConnected(outgoing, () => {
    sending = true;
    if (isBodiless(request)) outgoing.end();
    // Not `pipeline`: it would close the client's connection before a refusal could be sent on it.
    else request.pipe(outgoing);
  });
  outgoing.on('response', (answer) => {
    answer.on('error', () => undefined);
    const broken = begin(answer, response);
    if (broken) {
      outgoing.destroy(broken);
      return;
    }
    isWhole = () => answer.complete;
    if (response.destroyed) answer.resume();
    else give(answer, response);
  });
  outgoing.on('upgrade', (_answer, socket) => {
    socket.destroy();
    lost(new Error('the cluster changed the protocol, which nobody had asked for'));
  });
  const lost = (error: Error): void => {
    // What comes behind a whole answer is no matter of whom it is for.
    if (outcome.isOver() || isWhole()) return;
    if (use === 'pooled' && wasStale(outgoing, error) && isRepeatable(request) && !response.headersSent) {
      request.unpipe(outgoing);
      send(upstream, passed, 'single');
      return;
    }
    const isLost = sending && !safeMethods.includes(request.method);
    passed.failed(error, { isLost });
    sendRefusal(response, isLost ? outcomeUnknown() : noAnswer());
  };
  outgoing.on('error', lost);
  outcome.whenOver(() => outgoing.destroy());
}

/** Hands on status and headers. The error when they are none that may be written. */
function begin(answer: IncomingMessage, response: ServerResponse): Error | null {
  try {
    const headers = withAuditId(withoutHops(answer.rawHeaders), response.req.headers['audit-id']);
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, headers);
    return null;
  } catch (error) {
    return new Error('the answer of the cluster is not HTTP', { cause: error });
  }
}

/** Not `pipeline`, which makes an exception with its stack at the end of each. What was cut off must not look whole. */
function give(answer: IncomingMessage, response: ServerResponse): void {
  answer.once('error', () => {
    if (!response.writableEnded) response.destroy();
  });
  const length = answer.headers['content-length'];
  if (length === undefined) {
    // Watches send small events that must not wait for more.
    response.flushHeaders();
    answer.pipe(response);
    return;
  }
  answer.once('end', () => response.end());
  answer.once('data', (first: Buffer) => {
    // Most answers come in one piece: they go with their headers in one record of TLS, without a pipe.
    if (first.length === Number(length)) {
      response.end(first);
      return;
    }
    response.write(first);
    answer.pipe(response);
  });
}

/** The same for exec, attach and port-forward. */
export function passOnUpgrade(upstream: Upstream, { request, socket, head, failed }: PassedUpgrade): void {
  if (upstream.kind === 'handler') {
    upstream.upgrade(request, socket, head);
    return;
  }
  const upgrade = ['connection', 'Upgrade', 'upgrade', request.headers.upgrade ?? ''];
  const target = targetOf(upstream, request, 'single');
  const outgoing = httpsRequest({ ...target, headers: [...target.headers, ...upgrade] });
  outgoing.on('upgrade', (answer, upstreamSocket, upstreamHead) => {
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\n${headerLines(withAuditId(answer.rawHeaders, request.headers['audit-id']))}\r\n`,
    );
    if (upstreamHead.length > 0) socket.write(upstreamHead);
    if (head.length > 0) upstreamSocket.write(head);
    upstreamSocket.on('error', () => socket.destroy());
    // What the cluster said last may still be on its way to a slow client.
    upstreamSocket.once('close', () => socket.end(() => socket.destroy()));
    socket.once('close', () => upstreamSocket.destroy());
    upstreamSocket.pipe(socket).pipe(upstreamSocket);
  });
  outgoing.on('response', (answer) => {
    const lines = headerLines(withAuditId(withoutHops(answer.rawHeaders), request.headers['audit-id']));
    socket.write(
      `HTTP/1.1 ${answer.statusCode ?? 502} ${answer.statusMessage ?? ''}\r\nconnection: close\r\n${lines}\r\n`,
    );
    pipeline(answer, socket, () => undefined);
  });
  outgoing.on('error', (error) => {
    if (!socket.destroyed) failed(error);
    sendRefusalOnSocket(socket, noAnswer());
  });
  socket.once('close', () => outgoing.destroy());
  outgoing.end();
}

/** Calls back when the connection is verified and ready, at once for one that was used before. */
function onceConnected(outgoing: ClientRequest, ready: () => void): void {
  outgoing.once('socket', (socket) => {
    if (outgoing.reusedSocket || !(socket instanceof TLSSocket)) ready();
    else socket.once('secureConnect', ready);
  });
}

/** The API server closed a kept connection at the moment it was used again. */
function wasStale(outgoing: ClientRequest, error: Error): boolean {
  return outgoing.reusedSocket && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
}

/** A read without a body: nothing was consumed, and nothing can have been done. */
function isRepeatable(request: IncomingMessage): boolean {
  return isBodiless(request) && safeMethods.includes(request.method);
}

function noAnswer(): Refusal {
  return unavailable('the cluster of this workspace does not answer');
}

/** Without `Retry-After`: a client must not repeat a change by itself that may have been made. */
function outcomeUnknown(): Refusal {
  return new Refusal(503, 'ServiceUnavailable', {
    message:
      'the connection to the cluster of this workspace broke before it answered; the change may or may not have been made',
  });
}
