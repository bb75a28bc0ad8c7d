import { Agent, createServer, request } from 'node:https';
import { makeAuthority, signServer } from '@hexabase/kernel/certificates/sign-certificates.ts';
import { onceUnused } from './program.ts';

/** `node bare-proxy.ts '{"url": …, "ca": …}'`: the least that stands between two TLS connections. It checks nothing. */
const upstream: { url: string; ca: string } = JSON.parse(process.argv[2] ?? '');
const agent = new Agent({ keepAlive: true, ca: upstream.ca });
const authority = makeAuthority(['127.0.0.1'], Date.now());
const { certPem, keyPem } = signServer(authority, ['127.0.0.1'], Date.now());
const server = createServer({ cert: certPem, key: keyPem }, (incoming, outgoing) => {
  const { method, headers } = incoming;
  const passed = request(`${upstream.url}${incoming.url ?? '/'}`, { agent, method, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    // As the gateway does: what is one piece goes with its headers.
    answer.once('end', () => outgoing.end());
    answer.once('data', (first: Buffer) => {
      if (first.length === Number(answer.headers['content-length'])) outgoing.end(first);
      else {
        outgoing.write(first);
        answer.pipe(outgoing);
      }
    });
  });
  // It is asked with GET alone.
  passed.end();
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  process.stdout.write(`${JSON.stringify({ url: `https://127.0.0.1:${port}`, ca: authority.certPem })}\n`);
});
onceUnused(() => process.exit());
