import type { Server } from 'node:http';

/** Requests that are being answered have so long to end. */
const graceMs = 5_000;

/** Closes what listens: somebody who takes an answer slowly, or not at all, holds up no stop. */
export async function closeInTime(
  { server, close }: { server: Server; close(): Promise<unknown> },
  waitMs: number = graceMs,
): Promise<void> {
  const cut = setTimeout(() => server.closeAllConnections(), waitMs);
  try {
    await close();
  } finally {
    clearTimeout(cut);
  }
}
