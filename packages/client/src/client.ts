import { pathParameters } from '@hexabase/contract/all-operations.ts';
import type { Operation } from '@hexabase/contract/operation.ts';
import type { BodyInput, Output, PathParams, QueryInput } from '@hexabase/contract/types.ts';
import { ClientError, errorOf } from './client-error.ts';

export interface ClientOptions {
  /** Without a trailing slash. */
  baseUrl: string;
  /** A valid access token; asked before each request. */
  token: () => Promise<string>;
  fetch?: typeof fetch;
  /** Gives up after this long. Default 30 s. */
  timeoutMs?: number;
}

/** `meta` of an answer; the numbers are there for lists. */
export interface AnswerMeta {
  requestId: string;
  page?: number;
  limit?: number;
  total?: number;
  /** There are more than `total`. */
  totalIsMinimum?: boolean;
}

export interface Answer<Data> {
  data: Data;
  meta: AnswerMeta;
  /** Of conditional operations; give it back as `ifMatch`. */
  etag: string | null;
}

interface RequestOptions {
  idempotencyKey?: string;
  ifMatch?: string;
  signal?: AbortSignal;
}

/** Input of one operation: path parameters, query and body as the contract has them. */
export type CallInput<Op extends Operation> = RequestOptions & {
  params?: PathParams<Op['path']>;
  query?: QueryInput<Op>;
  body?: BodyInput<Op>;
};

/** The same without types, for callers that only know the operation at run time. */
export interface LooseInput extends RequestOptions {
  params?: Readonly<Record<string, string>>;
  query?: Readonly<Record<string, unknown>> | undefined;
  body?: unknown;
}

export interface Client {
  /** Throws `ClientError`. */
  call<const Op extends Operation>(operation: Op, input?: CallInput<Op>): Promise<Answer<Output<Op>>>;
  invoke(operation: Operation, input?: LooseInput): Promise<Answer<unknown>>;
  /** The answer of a raw operation while it comes, without a limit of time on all of it. Throws `ClientError`. */
  download(operation: Operation, input?: LooseInput): Promise<AsyncIterable<Uint8Array>>;
}

/** A client of the REST API; every operation of the contract can be called with it. */
export function createClient(options: ClientOptions): Client {
  const invoke = (operation: Operation, input: LooseInput = {}): Promise<Answer<unknown>> =>
    send(options, operation, input);
  return {
    invoke,
    async download(operation, input = {}) {
      const { body } = await accepted(options, operation, { ...input, unlimited: true });
      return body ?? new ReadableStream<Uint8Array>();
    },
    call: <const Op extends Operation>(operation: Op, input: CallInput<Op> = {}) =>
      // The server's answer follows the contract: its tests parse every answer with the operation's schema.
      invoke(operation, input as LooseInput) as Promise<Answer<Output<Op>>>,
  };
}

const defaultTimeoutMs = 30_000;

async function send(
  options: ClientOptions,
  operation: Operation,
  input: LooseInput,
): Promise<Answer<unknown>> {
  const response = await accepted(options, operation, input);
  const body: unknown = response.status === 204 ? null : await response.json().catch(() => null);
  return { ...readEnvelope(body), etag: response.headers.get('etag') };
}

/** Sends a request and answers what came back when it is no refusal. */
async function accepted(
  options: ClientOptions,
  operation: Operation,
  input: LooseInput & { unlimited?: boolean },
): Promise<Response> {
  const url = new URL(options.baseUrl + fillPath(operation.path, input.params ?? {}));
  for (const [name, value] of Object.entries(input.query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  const deadline = input.unlimited ? [] : [AbortSignal.timeout(options.timeoutMs ?? defaultTimeoutMs)];
  const init: RequestInit = {
    method: operation.method,
    headers: headersOf(await options.token(), operation, input),
    signal: AbortSignal.any(input.signal ? [input.signal, ...deadline] : deadline),
    ...(operation.body && { body: JSON.stringify(input.body ?? {}) }),
  };
  const response = await reach(options.fetch ?? fetch, url, init);
  if (!response.ok) throw errorOf(response.status, await response.json().catch(() => null));
  return response;
}

function headersOf(token: string, operation: Operation, input: LooseInput): Record<string, string> {
  return {
    accept: operation.raw?.join(', ') ?? 'application/json',
    authorization: `Bearer ${token}`,
    ...(operation.body && { 'content-type': 'application/json' }),
    ...(input.idempotencyKey && { 'idempotency-key': input.idempotencyKey }),
    ...(input.ifMatch && { 'if-match': input.ifMatch }),
  };
}

async function reach(send: typeof fetch, url: URL, init: RequestInit): Promise<Response> {
  try {
    return await send(url, init);
  } catch (error) {
    const why = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new ClientError(0, { code: 'unreachable', message: `Cannot reach ${url.origin} (${why}).` });
  }
}

/** Puts parameters into a path template, encoded. */
export function fillPath(path: string, params: Readonly<Record<string, string>>): string {
  return pathParameters(path).reduce(
    (filled, name) => filled.replace(`{${name}}`, encodeURIComponent(params[name] ?? '')),
    path,
  );
}

function readEnvelope(body: unknown): { data: unknown; meta: AnswerMeta } {
  if (typeof body !== 'object' || body === null || !('data' in body))
    return { data: null, meta: { requestId: '' } };
  const meta = 'meta' in body ? (body.meta as AnswerMeta) : { requestId: '' };
  return { data: body.data, meta };
}
