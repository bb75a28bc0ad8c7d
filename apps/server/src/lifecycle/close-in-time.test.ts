import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { closeInTime } from './close-in-time.ts';

it('a client that never takes the whole of its answer holds up no stop', async () => {
  const server = createServer((_request, response) => void response.write('the beginning'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const client = connect(typeof address === 'object' && address ? address.port : 0, '127.0.0.1');
  client.write('GET / HTTP/1.1\r\nhost: any\r\n\r\n');
  await once(client, 'data');
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  await closeInTime({ server, close: () => closed }, 50);
  expect(server.listening).toBe(false);
  client.destroy();
});
