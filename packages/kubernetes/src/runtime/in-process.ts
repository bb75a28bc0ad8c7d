import type { ClusterApi } from '../api/deps.ts';
import { badRequest } from '../api/errors.ts';
import type { ApiAnswer, ApiRequest } from '../api/http/answer.ts';
import { dispatch } from '../api/http/dispatch.ts';
import { statusOf } from '../api/http/node-handler.ts';
import type { InProcessRequest, InProcessResponse, UserInfo } from '../types.ts';

const administrator: UserInfo = {
  username: 'system:admin',
  groups: ['system:masters', 'system:authenticated'],
};

/** One request without a socket, with every right. Watches are not served this way: subscribe to the store instead. */
export async function requestInProcess(
  cluster: ClusterApi,
  request: InProcessRequest,
): Promise<InProcessResponse> {
  try {
    const apiRequest = apiRequestOf(request);
    const answer = await dispatch(cluster, apiRequest);
    return { status: statusCodeOf(answer), body: await bodyOf(answer, apiRequest.signal) };
  } catch (error) {
    const status = statusOf(error);
    if (status.code >= 500)
      cluster.deps.log.error(
        { clusterId: cluster.id, path: request.path, error },
        'a request of this process failed',
      );
    return { status: status.code, body: status };
  }
}

function apiRequestOf(request: InProcessRequest): ApiRequest {
  const url = new URL(request.path, 'http://in-process');
  return {
    method: request.method,
    path: url.pathname,
    query: url.searchParams,
    accept: undefined,
    contentType: request.contentType ?? 'application/json',
    user: administrator,
    userAgent: 'in-process',
    acceptsGzip: false,
    ...(request.body !== undefined && { parsedBody: request.body }),
    readBody: async () => Buffer.alloc(0),
    warn: () => undefined,
    signal: request.signal ?? new AbortController().signal,
  };
}

function statusCodeOf(answer: ApiAnswer): number {
  return answer.kind === 'json' || answer.kind === 'raw' ? answer.status : 200;
}

async function bodyOf(answer: ApiAnswer, signal: AbortSignal): Promise<unknown> {
  switch (answer.kind) {
    case 'json':
      return answer.value();
    case 'raw':
      return answer.body.toString();
    case 'watch':
      throw badRequest('a watch needs a connection');
    case 'stream': {
      let text = '';
      await answer.run((chunk) => (text += chunk), signal);
      return text;
    }
  }
}
