import type { Duplex } from 'node:stream';

/**
 * Waits for something on behalf of who is at the other end of a connection that was taken from the server. Nobody reads it
 * then, and only who reads learns that the other side has ended it: it is closed at once, so that nothing is begun for somebody who
 * has gone. What was sent early stays on it to be read; behind that an end is seen later.
 */
export async function whileThere<T>(socket: Duplex, wait: () => Promise<T>): Promise<T> {
  const look = (): void => void (socket.readableLength === 0 && socket.read(0));
  const gone = (): void => void socket.destroy();
  socket.on('readable', look).once('end', gone);
  try {
    return await wait();
  } finally {
    socket.off('readable', look).off('end', gone);
  }
}
