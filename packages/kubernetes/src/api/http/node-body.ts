import type { IncomingMessage } from 'node:http';
import { bodyTooLarge } from '../errors.ts';

/** The largest request body, in bytes, as upstream's default. */
export const bodyBytesMax = 3 * 1024 * 1024;

/** Reads a request to its end. Throws 413 once it is too long, without keeping the rest. */
export function readNodeBody(request: IncomingMessage): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > bodyBytesMax)
    return Promise.reject(bodyTooLarge(bodyBytesMax));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > bodyBytesMax) {
        chunks.length = 0;
        reject(bodyTooLarge(bodyBytesMax));
      } else chunks.push(chunk);
    });
    request.on('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
    request.on('error', reject);
    request.on('aborted', () => reject(new Error('the client went away')));
  });
}
