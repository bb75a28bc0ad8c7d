import { Agent, request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { percentile } from '../../../tests/load/kubernetes/figures.ts';
import { atLeast, atMost, short, type Row } from '../../../tests/load/product/report.ts';
import { runSessions, startTalker } from '../../../tests/load/vcluster/kubectl-sessions.ts';
import { openTenantGateway, type TenantGateway } from '../../../tests/load/vcluster/tenant-gateway.ts';
import type { PartFigures, VclusterPart } from './part.ts';

const rounds = 400;
const warmUpRounds = 30;
const sessions = 50;
const stallMsMax = 2_000;
const path = '/api/v1/namespaces/default';

/** What the gateway and its tunnel add to a request, and whether many sessions stall on it. */
export const gatewayPart: VclusterPart = {
  name: 'gateway',
  how: `The same small GET ${rounds} times, in turn to the vCluster's own address, through a gateway that dials that address, and through one that uses a tunnel (client and gateways in one process); then ${sessions} kubectl at once, exec over WebSocket and SPDY and logs -f.`,
  async run(host) {
    await using gateway = await openTenantGateway(host);
    const { rows, details } = await latencies(gateway);
    if (host.binaries === null) return { rows, details };
    await startTalker(gateway.tenant);
    const kubectl = join(host.binaries, 'kubectl');
    const seen = await runSessions(gateway, { kubectl, count: sessions });
    return {
      rows: [...rows, ...sessionRows(seen)],
      details: {
        ...details,
        sessions: {
          whole: seen.whole,
          failures: seen.failures,
          gapMs: { p50: percentile(seen.gaps, 0.5), p99: percentile(seen.gaps, 0.99) },
          longestStallMs: seen.longestStallMs,
        },
      },
    };
  },
};

function sessionRows({ whole, longestStallMs }: { whole: number; longestStallMs: number }): Row[] {
  return [
    atLeast(
      `exec and logs sessions of ${sessions} at once that got every line`,
      { value: sessions, unit: 'sessions' },
      whole,
    ),
    atMost('longest stall in one of them', { value: stallMsMax, unit: 'ms' }, longestStallMs),
  ];
}

/** In turn, so that whatever else the machine does meets all three alike. */
async function latencies({ urls, authorities, token }: TenantGateway): Promise<PartFigures> {
  const ways = [
    { name: 'direct', ...open(urls.direct, { ca: authorities.direct, token }) },
    { name: 'gateway, service address', ...open(urls.service, { ca: authorities.gateway, token }) },
    { name: 'gateway, tunnel', ...open(urls.tunnel, { ca: authorities.gateway, token }) },
  ];
  const taken = ways.map((): number[] => []);
  for (let round = -warmUpRounds; round < rounds; round += 1) {
    for (const [index, way] of ways.entries()) {
      const ms = await way.get();
      if (round >= 0) taken[index]?.push(ms);
    }
  }
  for (const way of ways) way.agent.destroy();
  const [direct = [], service = [], tunnel = []] = taken;
  const added = percentile(tunnel, 0.5) - percentile(direct, 0.5);
  const row = atMost(
    'gateway over tunnel, added to a direct connection, p50',
    { value: 3, unit: 'ms' },
    added,
  );
  const p99 = `p99 ${short(percentile(direct, 0.99))} → ${short(percentile(tunnel, 0.99))} ms`;
  return {
    rows: [{ ...row, measured: `${row.measured} (${p99})` }],
    details: Object.fromEntries(
      [direct, service, tunnel].map((values, index) => [
        ways[index]?.name ?? '',
        { p50: percentile(values, 0.5), p99: percentile(values, 0.99) },
      ]),
    ),
  };
}

function open(url: string, { ca, token }: { ca: string; token: string }) {
  const agent = new Agent({ keepAlive: true, ca, maxSockets: 1 });
  const get = async (): Promise<number> => {
    const start = performance.now();
    const { status, body } = await new Promise<{ status: number; body: Buffer }>((resolve, reject) => {
      const request = httpsRequest(url + path, { agent, headers: { authorization: `Bearer ${token}` } });
      request.once('error', reject);
      request.once('response', (response) => {
        buffer(response).then((read) => resolve({ status: response.statusCode ?? 0, body: read }), reject);
      });
      request.end();
    });
    if (status !== 200) throw new Error(`${url} answered ${status}: ${body.toString()}`);
    return performance.now() - start;
  };
  return { agent, get };
}
