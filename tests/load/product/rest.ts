import { Agent, request } from 'node:http';

/** What the API answered. */
export interface RestAnswer {
  status: number;
  text: string;
}

/** The REST API over connections that stay open. */
export interface Rest extends Disposable {
  /** Any status is an answer; throws when there is none. */
  send(method: string, path: string, body?: unknown): Promise<RestAnswer>;
  /** `data` of a 2xx answer. Throws an Error with what was answered instead. */
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
}

export function restClient({
  url,
  token,
  connections,
}: {
  url: string;
  token: string;
  connections: number;
}): Rest {
  const agent = new Agent({ keepAlive: true, maxSockets: connections, noDelay: true });
  const send: Rest['send'] = (method, path, body) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const sent = request(
        url + path,
        {
          agent,
          method,
          headers: {
            authorization: `Bearer ${token}`,
            ...(text !== undefined && {
              'content-type': 'application/json',
              'content-length': Buffer.byteLength(text),
            }),
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
          );
          response.on('error', reject);
        },
      );
      sent.on('error', reject);
      sent.end(text);
    });
  };
  return {
    send,
    async call(method, path, body) {
      const { status, text } = await send(method, path, body);
      if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
      return JSON.parse(text).data;
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}
