import { createServer, type ServerResponse } from 'node:http';

/** What came back from the browser: a code, or why there is none. */
export type Callback = { code: string } | { refusal: string; message: string };

/** Waits at `redirectUri` for the browser to come back. */
export interface LoopbackServer extends AsyncDisposable {
  redirectUri: string;
  callback: Promise<Callback & { answer(page: { title: string; text: string }): Promise<void> }>;
}

/**
 * Listens on this machine only, on any free port (RFC 8252 §7.3). Whatever does not carry our `state` is turned away and
 * changes nothing: another page may send the browser here too.
 */
export async function listenForCallback(state: string): Promise<LoopbackServer> {
  const arrived = Promise.withResolvers<Awaited<LoopbackServer['callback']>>();
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1');
    if (request.method !== 'GET' || pathname !== '/callback' || searchParams.get('state') !== state) {
      void sendPage(response, 404, {
        title: 'Nothing here',
        text: 'hks waits for a sign-in that it started itself.',
      });
      return;
    }
    const code = searchParams.get('code');
    const refusal = searchParams.get('error') ?? 'invalid_request';
    const message = searchParams.get('error_description') ?? refusal;
    arrived.resolve({
      ...(code === null ? { refusal, message } : { code }),
      answer: (page) => sendPage(response, 200, page),
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  return {
    redirectUri: `http://127.0.0.1:${port}/callback`,
    callback: arrived.promise,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function sendPage(
  response: ServerResponse,
  status: number,
  page: { title: string; text: string },
): Promise<void> {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    connection: 'close',
  });
  const body = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<title>${escape(page.title)}</title></head><body><main><h1>${escape(page.title)}</h1><p role="status">${escape(page.text)}</p></main></body></html>`;
  return new Promise((resolve) => response.end(body, () => resolve()));
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
