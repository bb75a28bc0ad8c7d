import { once } from 'node:events';
import { createServer } from 'node:net';
import type { TenantPorts } from './tenant-folder.ts';

/** Ports of this machine that nobody listens on, given by the system; none of `taken`, which others only remember. */
export async function freePorts(taken: ReadonlySet<number>): Promise<TenantPorts> {
  await using held = new AsyncDisposableStack();
  const next = async (): Promise<number> => {
    for (;;) {
      const server = createServer();
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      // Held until all are found, so that no two are the same.
      held.defer(() => new Promise<void>((resolve) => server.close(() => resolve())));
      const address = server.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      if (!taken.has(port)) return port;
    }
  };
  return { api: await next(), etcd: await next(), etcdPeer: await next() };
}

/** Whether all of them can be listened on now. */
export async function areFree(ports: TenantPorts): Promise<boolean> {
  const answers = await Promise.all(Object.values(ports).map(isFree));
  return answers.every(Boolean);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
