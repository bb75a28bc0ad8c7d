import type { UserInfo } from '../../types.ts';
import type { WatchSink } from '../watch/watch.ts';
import type { Negotiated } from './negotiate.ts';

/** A request without its transport. */
export interface ApiRequest {
  method: string;
  /** Without query. */
  path: string;
  query: URLSearchParams;
  accept: string | undefined;
  contentType: string;
  user: UserInfo;
  userAgent: string;
  acceptsGzip: boolean;
  /** Set for requests of this process whose body is no text. */
  parsedBody?: unknown;
  /** Throws 413. */
  readBody(): Promise<Buffer>;
  warn(message: string): void;
  signal: AbortSignal;
}

/** What to send back; the transport encodes it. */
export type ApiAnswer = JsonAnswer | RawAnswer | WatchAnswer | StreamAnswer;

export interface JsonAnswer {
  kind: 'json';
  status: number;
  /** Asked for only when `text` is not enough (YAML, in-process). */
  value(): unknown;
  /** JSON that is already there. */
  text?: string;
  negotiated: Negotiated;
}

export interface RawAnswer {
  kind: 'raw';
  status: number;
  contentType: string;
  body: string | Buffer;
  headers?: Record<string, string>;
}

export interface WatchAnswer {
  kind: 'watch';
  negotiated: Negotiated;
  run(sink: WatchSink): void;
}

export interface StreamAnswer {
  kind: 'stream';
  contentType: string;
  run(write: (chunk: string) => void, signal: AbortSignal): Promise<void>;
}
