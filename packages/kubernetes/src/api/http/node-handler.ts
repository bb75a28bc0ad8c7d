import { createHash, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '@hexabase/kernel/log.ts';
import { actingUser } from '../../auth/impersonation.ts';
import type { UserInfo } from '../../types.ts';
import type { ClusterApi } from '../deps.ts';
import { badRequest, forbidden, unauthorized } from '../errors.ts';
import { StatusError, type Status } from '../status-error.ts';
import type { ApiRequest } from './answer.ts';
import { dispatch } from './dispatch.ts';
import { sendAnswer, sendStatus } from './node-answer.ts';
import { readNodeBody } from './node-body.ts';

export interface HandlerOptions {
  cluster: ClusterApi;
  authenticate(request: IncomingMessage): Promise<UserInfo | null>;
  log: Logger;
  /** Ends watches and streams. */
  signal: AbortSignal;
  /** Honour `Impersonate-*` headers of those whom authorization allows it; refused otherwise. */
  impersonation: boolean;
  /** Called when a watch begins; answers what to call when it ends. */
  watchBegan(): () => void;
}

/** Serves one HTTP request on one cluster; always answers. */
export async function handleNodeRequest(
  request: IncomingMessage,
  response: ServerResponse,
  options: HandlerOptions,
): Promise<void> {
  const auditId = headerOf(request, 'audit-id') || randomUUID();
  response.setHeader('audit-id', auditId);
  response.setHeader('x-kubernetes-pf-flowschema-uid', flowSchemaUid);
  response.setHeader('x-kubernetes-pf-prioritylevel-uid', priorityLevelUid);
  try {
    await serve(request, response, options);
  } catch (error) {
    if (!(error instanceof StatusError)) {
      if (response.destroyed) return;
      options.log.error(
        { clusterId: options.cluster.id, method: request.method, path: request.url, auditId, error },
        'a request failed',
      );
    }
    sendStatus(statusOf(error), { response });
    // A body that nobody read would block the connection.
    if (!request.complete) request.resume();
  }
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  options: HandlerOptions,
): Promise<void> {
  const { cluster, signal, watchBegan } = options;
  const user = await userOf(request, options);
  const warnings: string[] = [];
  const acceptsGzip = headerOf(request, 'accept-encoding').includes('gzip');
  const { path, query } = splitUrl(request.url ?? '/');
  let body: Promise<Buffer> | undefined;
  const apiRequest: ApiRequest = {
    method: request.method ?? 'GET',
    path,
    query,
    accept: request.headers.accept,
    contentType: headerOf(request, 'content-type'),
    user,
    userAgent: headerOf(request, 'user-agent'),
    acceptsGzip,
    readBody: () => (body ??= readNodeBody(request)),
    warn: (message) => {
      if (!warnings.includes(message)) warnings.push(message);
    },
    signal,
  };
  const answer = await dispatch(cluster, apiRequest);
  if (answer.kind === 'watch') response.once('close', watchBegan());
  await sendAnswer(answer, { response, head: request.method === 'HEAD', acceptsGzip, warnings, signal });
}

const noQuery = new URLSearchParams();

function splitUrl(url: string): { path: string; query: URLSearchParams } {
  const mark = url.indexOf('?');
  if (mark < 0) return { path: url, query: noQuery };
  return { path: url.slice(0, mark), query: queryOf(url.slice(mark + 1)) };
}

const brokenPair = /;|%(?![0-9a-f]{2})/i;

/** Go leaves out pairs with a `;` or a broken escape (`net/url`, `ParseQuery`). */
function queryOf(text: string): URLSearchParams {
  if (!brokenPair.test(text)) return new URLSearchParams(text);
  const pairs = text.split('&').filter((pair) => !brokenPair.test(pair));
  return new URLSearchParams(pairs.join('&'));
}

async function userOf(
  request: IncomingMessage,
  { cluster, authenticate, impersonation }: HandlerOptions,
): Promise<UserInfo> {
  const user = await authenticate(request);
  if (!user) throw unauthorized();
  if (!impersonation) {
    refuseImpersonation(request, user);
    return user;
  }
  const authorize = cluster.deps.authorize.bind(cluster.deps, cluster);
  return actingUser({ user, rawHeaders: request.rawHeaders, authorize });
}

/** Ignoring the headers would act with the wrong rights. */
function refuseImpersonation(request: IncomingMessage, user: UserInfo): void {
  for (const header of Object.keys(request.headers)) {
    if (!header.startsWith('impersonate-')) continue;
    const name = headerOf(request, 'impersonate-user');
    const kind = { group: '', plural: 'users', kind: 'User' };
    throw forbidden(
      kind,
      name,
      `User "${user.username}" cannot impersonate resource "users" in API group "" at the cluster scope: impersonation is not supported by this server`,
    );
  }
}

/** Any failure as a Status; unknown ones show nothing of the inside. */
export function statusOf(error: unknown): Status {
  if (error instanceof StatusError) return error.status;
  if (error instanceof URIError) return badRequest('invalid URL').status;
  return new StatusError(500, 'InternalError', {
    message: 'Internal error occurred: the request could not be completed',
    details: {
      causes: [{ message: 'the server logged the cause' }],
    },
  }).status;
}

function headerOf(request: IncomingMessage, name: string): string {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(',') : (value ?? '');
}

/** Clients of priority and fairness expect ids; ours are derived from the names of upstream's catch-all objects. */
const flowSchemaUid = uidOf('flowschema/global-default');
const priorityLevelUid = uidOf('prioritylevel/global-default');

function uidOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}
