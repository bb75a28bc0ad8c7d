import { Agent, request } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { percentile } from '../kubernetes/figures.ts';

/** A way to one API. */
export interface Way {
  name: string;
  url: string;
  /** PEM. */
  ca: string;
  token: string;
}

/**
 * Milliseconds of the same GET by each way, over one connection each that stays open; in turn, so that whatever else the
 * machine does meets all alike. Throws when one is not answered 200.
 */
export async function timedGets(
  ways: readonly Way[],
  { path, rounds, warmUpRounds }: { path: string; rounds: number; warmUpRounds: number },
): Promise<number[][]> {
  const taken = ways.map((): number[] => []);
  const agents = ways.map(({ ca }) => new Agent({ keepAlive: true, ca, maxSockets: 1 }));
  try {
    for (let round = -warmUpRounds; round < rounds; round += 1) {
      for (const [index, way] of ways.entries()) {
        const ms = await get(way, path, agents[index]);
        if (round >= 0) taken[index]?.push(ms);
      }
    }
    return taken;
  } finally {
    for (const agent of agents) agent.destroy();
  }
}

/** For the details of a report. */
export function p50AndP99(values: readonly number[]): { p50: number; p99: number } {
  return { p50: percentile(values, 0.5), p99: percentile(values, 0.99) };
}

async function get({ url, token }: Way, path: string, agent: Agent | undefined): Promise<number> {
  const begun = performance.now();
  const { status, body } = await new Promise<{ status: number; body: Buffer }>((resolve, reject) => {
    const sent = request(url + path, { agent, headers: { authorization: `Bearer ${token}` } });
    sent.once('error', reject);
    sent.once('response', (response) => {
      buffer(response).then((read) => resolve({ status: response.statusCode ?? 0, body: read }), reject);
    });
    sent.end();
  });
  if (status !== 200) throw new Error(`${url} answered ${status}: ${body.toString()}`);
  return performance.now() - begun;
}
