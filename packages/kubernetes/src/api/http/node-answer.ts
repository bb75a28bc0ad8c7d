import type { ServerResponse } from 'node:http';
import { gzip } from 'node:zlib';
import { stringify } from 'yaml';
import type { Status } from '../status-error.ts';
import type { ApiAnswer, JsonAnswer, RawAnswer, StreamAnswer, WatchAnswer } from './answer.ts';

export interface Exchange {
  response: ServerResponse;
  head: boolean;
  acceptsGzip: boolean;
  warnings: readonly string[];
  signal: AbortSignal;
}

/** Lists below this are sent as they are, as upstream does. */
const gzipBytesMin = 128 * 1024;

/** Sends an answer. */
export async function sendAnswer(answer: ApiAnswer, exchange: Exchange): Promise<void> {
  addWarnings(exchange);
  switch (answer.kind) {
    case 'json':
      return sendJson(answer, exchange);
    case 'raw':
      return sendRaw(answer, exchange);
    case 'watch':
      return runWatch(answer, exchange);
    case 'stream':
      return runStream(answer, exchange);
  }
}

/** Sends a failure as `metav1.Status`. */
export function sendStatus(status: Status, { response }: Pick<Exchange, 'response'>): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const retryAfter = status.details?.retryAfterSeconds;
  if (retryAfter !== undefined) response.setHeader('retry-after', String(retryAfter));
  const body = JSON.stringify(status);
  response.writeHead(status.code, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-cache, private',
  });
  response.end(body);
}

function sendJson(answer: JsonAnswer, exchange: Exchange): void {
  if (answer.negotiated.mediaType === 'application/yaml') {
    const body = stringify(answer.value(), { lineWidth: 0 });
    return write(exchange, { status: answer.status, contentType: 'application/yaml', body });
  }
  write(exchange, {
    status: answer.status,
    contentType: 'application/json',
    body: answer.text ?? JSON.stringify(answer.value()),
  });
}

function sendRaw({ status, contentType, body, headers }: RawAnswer, exchange: Exchange): void {
  write(exchange, { status, contentType, body, ...(headers && { headers }) });
}

interface Payload {
  status: number;
  contentType: string;
  body: string | Buffer;
  headers?: Record<string, string>;
}

function write(
  { response, head, acceptsGzip }: Exchange,
  { status, contentType, body, headers }: Payload,
): void {
  const common = { 'content-type': contentType, 'cache-control': 'no-cache, private', ...headers };
  const length = Buffer.byteLength(body);
  if (!acceptsGzip || length <= gzipBytesMin || headers?.['content-encoding'] !== undefined) {
    response.writeHead(status, { ...common, 'content-length': length });
    response.end(head ? undefined : body);
    return;
  }
  gzip(body, { level: 1 }, (error, packed) => {
    if (error) {
      response.destroy(error);
      return;
    }
    response.writeHead(status, {
      ...common,
      'content-encoding': 'gzip',
      vary: 'Accept-Encoding',
      'content-length': packed.length,
    });
    response.end(head ? undefined : packed);
  });
}

function runWatch(answer: WatchAnswer, { response, signal }: Exchange): void {
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  const yaml = answer.negotiated.mediaType === 'application/yaml';
  let closed = false;
  answer.run({
    write: (line) => {
      if (!closed) response.write(yaml ? `---\n${stringify(JSON.parse(line))}` : line);
    },
    unsentBytes: () => response.writableLength,
    end: () => {
      closed = true;
      response.end();
    },
    onClose: (stop) => {
      const once = (): void => {
        closed = true;
        stop();
      };
      if (closed || response.destroyed) return once();
      response.once('close', once);
      signal.addEventListener('abort', () => response.end(), { once: true });
    },
  });
}

/** The head waits for the first text or a turn of the event loop: a stream that is refused at once is an ordinary failure. */
async function runStream(answer: StreamAnswer, { response, signal }: Exchange): Promise<void> {
  const begin = (): void => {
    if (response.headersSent || response.destroyed) return;
    response.writeHead(200, { 'content-type': answer.contentType, 'cache-control': 'no-cache, private' });
    response.flushHeaders();
  };
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const write = (chunk: string): void => {
    begin();
    response.write(chunk);
  };
  const pending = setImmediate(begin);
  try {
    await answer.run(write, AbortSignal.any([signal, gone.signal]));
  } finally {
    clearImmediate(pending);
  }
  begin();
  response.end();
}

/** RFC 7234 §5.5 as upstream writes it: code 299, agent `-`. */
function addWarnings({ response, warnings }: Exchange): void {
  if (warnings.length === 0) return;
  response.setHeader(
    'warning',
    warnings.map((text) => `299 - ${JSON.stringify(text.replaceAll(/[^\x20-\x7e]/g, ' '))}`),
  );
}
