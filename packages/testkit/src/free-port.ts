import { createServer } from 'node:net';

/** One that the system has just given out on that address of this machine, and that is free again. */
export function freePort(address = '127.0.0.1'): Promise<number> {
  const server = createServer();
  return new Promise((done, fail) => {
    server.once('error', fail);
    server.listen(0, address, () => {
      const bound = server.address();
      server.close(() => done(typeof bound === 'object' && bound ? bound.port : 0));
    });
  });
}
