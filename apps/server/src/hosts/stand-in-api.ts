import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import { plainHost } from '@hexabase/features/host-clusters/host-cluster.ts';
import { makeAuthority, signServer } from '@hexabase/kernel/certificates/sign-certificates.ts';

/** An API server on this machine, for tests of who talks to one. */
export interface StandInApi extends AsyncDisposable {
  server: Server;
  kubeconfigOf(token: string): string;
}

/** Answers GET and POST alike, as `answerTo` says for a path. */
export async function standInApi(
  answerTo: (path: string) => { status: number; body: unknown },
): Promise<StandInApi> {
  const authority = makeAuthority([], Date.now());
  const { certPem: cert, keyPem: key } = signServer(authority, ['127.0.0.1'], Date.now());
  const server = createServer({ cert, key }, (request, response) => {
    const { status, body } = answerTo(request.url ?? '');
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const place = {
    server: `https://127.0.0.1:${port}`,
    'certificate-authority-data': Buffer.from(authority.certPem).toString('base64'),
  };
  return {
    server,
    kubeconfigOf: (token) =>
      JSON.stringify({
        'current-context': 'x',
        clusters: [{ name: 'c', cluster: place }],
        users: [{ name: 'u', user: { token } }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** What operators say of a host cluster when they add it. */
export const newHostRow = {
  name: 'east',
  region: 'eu',
  ...plainHost,
};
