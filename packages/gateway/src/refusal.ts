import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** Why the gateway does not pass a request on. The message is for the caller. */
export class Refusal extends Error {
  readonly status: number;
  readonly reason: string;
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, reason: string, options: { message: string; retryAfterSeconds?: number }) {
    super(options.message);
    this.name = 'Refusal';
    this.status = status;
    this.reason = reason;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** The same words whether the token is bad, the session ended or the workspace never existed. */
export function unauthorized(): Refusal {
  return new Refusal(401, 'Unauthorized', { message: 'Unauthorized' });
}

/** Clients of Kubernetes repeat such a request by themselves, so nothing of it may have been done. */
export function unavailable(message: string, retryAfterSeconds = 1): Refusal {
  return new Refusal(503, 'ServiceUnavailable', { message, retryAfterSeconds });
}

/** Answers a Kubernetes `Status`, which kubectl prints as its error. */
export function sendRefusal(response: ServerResponse, refusal: Refusal): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  // What remains of the body is not read, so the connection cannot be used again.
  const headers = { ...refusalHeaders(refusal), ...(response.req.complete ? {} : { connection: 'close' }) };
  response.writeHead(refusal.status, headers);
  response.end(statusBody(refusal));
}

/** The same on a connection that asked for an upgrade. */
export function sendRefusalOnSocket(socket: Duplex, refusal: Refusal): void {
  if (!socket.writable) return;
  const body = statusBody(refusal);
  const headers = {
    ...refusalHeaders(refusal),
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${refusal.status} ${refusal.reason}\r\n${lines.join('')}\r\n${body}`);
}

function refusalHeaders(refusal: Refusal): Record<string, string> {
  return {
    'content-type': 'application/json',
    'cache-control': 'no-cache, private',
    ...(refusal.retryAfterSeconds !== undefined && { 'retry-after': String(refusal.retryAfterSeconds) }),
  };
}

function statusBody(refusal: Refusal): string {
  const { status: code, reason, message } = refusal;
  return `${JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code })}\n`;
}
