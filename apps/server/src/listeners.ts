import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { listen, type Ports } from './lifecycle/ports.ts';
import type { Product } from './compose.ts';

const headersTimeoutMs = 20_000;
const renewalCheckMs = 24 * 3_600_000;
const arrivalTimeoutMs = 120_000;
const keepAliveTimeoutMs = 75_000;

/**
 * Opens both addresses: http for people and the API, https for kubectl (and the API as well, for who comes by the public
 * address). Throws `StartError` when a port cannot be had.
 */
export async function openListeners(product: Product, ports: Ports, host: string): Promise<AsyncDisposable> {
  const { http, gateway, certificates } = product;
  await http.ready();
  const address = host === 'localhost' ? '127.0.0.1' : host;
  await using opened = new AsyncDisposableStack();
  await listen(http.server, { port: ports.http, host: address, flag: '--http-port' });
  const https = createHttpsServer(
    {
      cert: certificates.certPem,
      key: certificates.keyPem,
      minVersion: 'TLSv1.2',
      headersTimeout: headersTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      shouldUpgradeCallback: gateway.upgrades,
    },
    (request, response) => {
      if (gateway.owns(request.url ?? '')) {
        gateway.handle(request, response);
        return;
      }
      gateway.passedBy(request, response);
      http.routing(request, response);
    },
  );
  https.on('upgrade', (request, socket, head) => {
    if (gateway.owns(request.url ?? '')) gateway.upgrade(request, socket, head);
    else socket.destroy();
  });
  // How long a request may take to arrive; its answer, a watch for example, may take as long as it likes.
  https.requestTimeout = http.server.requestTimeout = arrivalTimeoutMs;
  await listen(https, { port: ports.https, host: address, flag: '--https-port' });
  opened.defer(async () => {
    const closed = new Promise<void>((resolve) => https.close(() => resolve()));
    https.closeAllConnections();
    await closed;
  });
  const renewal = setInterval(() => void renew(product, https), renewalCheckMs);
  opened.defer(() => clearInterval(renewal));
  const resources = opened.move();
  return { [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

async function renew({ renewCertificates, log }: Product, https: HttpsServer): Promise<void> {
  try {
    const { certPem, keyPem } = await renewCertificates();
    https.setSecureContext({ cert: certPem, key: keyPem });
  } catch (error) {
    log.error({ error }, 'the certificate could not be renewed; trying again tomorrow');
  }
}
