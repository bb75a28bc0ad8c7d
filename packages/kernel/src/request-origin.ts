import { AsyncLocalStorage } from 'node:async_hooks';

/** Where a request came from, for the audit log. Nothing is decided from it. */
export interface RequestOrigin {
  requestId: string;
  /** The address that the connection came from. */
  address: string;
  /** What the program says it is; of `currentOrigin` shortened, without control characters. */
  agent: string | null;
}

const origins = new AsyncLocalStorage<RequestOrigin>();
const agentLengthMax = 200;

/** Runs on behalf of a request: whatever it writes to the audit log says where from. */
export function runFrom<T>(origin: RequestOrigin, run: () => T): T {
  return origins.run(origin, run);
}

/** The request behind what runs now; null for background work and operators' programs. */
export function currentOrigin(): RequestOrigin | null {
  const origin = origins.getStore();
  return origin ? { ...origin, agent: plainAgent(origin.agent) } : null;
}

/** A user agent as it may be kept: one short line. */
export function plainAgent(agent: string | null | undefined): string | null {
  const plain = agent?.replace(/[^\x20-\x7e]/g, '?').slice(0, agentLengthMax);
  return plain === undefined || plain === '' ? null : plain;
}
