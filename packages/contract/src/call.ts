import type { Actor } from '@hexabase/kernel/actor.ts';
import type { Operation } from './operation.ts';

/** One validated request for an operation: what the HTTP side hands to the side that runs use cases. */
export interface OperationCall {
  operation: Operation;
  /** `null` only for public operations. */
  actor: Actor | null;
  params: Readonly<Record<string, string>>;
  query: unknown;
  body: unknown;
  requestId: string;
  idempotencyKey: string | null;
  ifMatch: string | null;
  /**
   * Takes the request from the share of the organization that it is about, once its caller may make it. Throws AppError
   * `rate_limited`. Absent for calls that the product makes itself.
   */
  countFor?: CountFor;
  /** Who asks, looked up anew, for what is sent over a while. Throws as authentication does. Absent for calls of the product. */
  askAgain?(): Promise<Actor>;
  signal: AbortSignal;
}

/** Both throw AppError `rate_limited`. */
export interface CountFor {
  /** Counts what can be counted without waiting; false where nothing was, and `later` has to. */
  now(organizationId: string): boolean;
  /** May wait for a connection to the database: never inside a transaction. Answers true once it is counted. */
  later(organizationId: string): Promise<true>;
}

/** What came out of it, before it is put into the envelope. */
export interface OperationAnswer {
  data: unknown;
  /** Of lists: how many there are in all. */
  total?: number;
  /** There are more than `total`: nobody waits until a long log is counted. */
  totalIsMinimum?: boolean;
  /** Of conditional operations, with its quotes. */
  etag?: string;
  /** The stored answer to an earlier request with the same Idempotency-Key. */
  replayed?: boolean;
  /** Of raw operations, in place of `data`. */
  stream?: AnswerStream;
}

/** Text that is made while it is sent. */
export interface AnswerStream {
  /** Media type with its charset. */
  type: string;
  /** Under which a browser stores it. */
  fileName: string;
  chunks: AsyncIterable<string>;
  /** Throws AppError once its reader may not have it any more. */
  mayGoOn?(): Promise<void>;
}

/** Runs one operation in its transaction. Throws `AppError`. */
export type Execute = (call: OperationCall) => Promise<OperationAnswer>;
