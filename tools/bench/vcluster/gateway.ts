import { join } from 'node:path';
import { percentile } from '../../../tests/load/kubernetes/figures.ts';
import { atLeast, atMost, short, type Row } from '../../../tests/load/product/report.ts';
import { p50AndP99, timedGets } from '../../../tests/load/product/timed-get.ts';
import { runSessions, startTalker } from '../../../tests/load/vcluster/kubectl-sessions.ts';
import { openTenantGateway, type TenantGateway } from '../../../tests/load/vcluster/tenant-gateway.ts';
import { tenantHost, type PartFigures, type VclusterPart } from './part.ts';

const rounds = 400;
const warmUpRounds = 30;
const sessions = 50;
const stallMsMax = 2_000;
const path = '/api/v1/namespaces/default';

/** What the gateway and its tunnel add to a request, and whether many sessions stall on it. */
export const gatewayPart: VclusterPart = {
  name: 'gateway',
  title: 'gateway and tunnel',
  how: `The same small GET ${rounds} times, in turn to the vCluster's own address, through a gateway that dials that address, and through one that uses a tunnel (client and gateways in one process); then ${sessions} kubectl at once, exec over WebSocket and SPDY and logs -f.`,
  async run() {
    const host = tenantHost();
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

async function latencies({ urls, authorities, token }: TenantGateway): Promise<PartFigures> {
  const ways = [
    { name: 'direct', url: urls.direct, ca: authorities.direct, token },
    { name: 'gateway, service address', url: urls.service, ca: authorities.gateway, token },
    { name: 'gateway, tunnel', url: urls.tunnel, ca: authorities.gateway, token },
  ];
  const taken = await timedGets(ways, { path, rounds, warmUpRounds });
  const [direct = [], , tunnel = []] = taken;
  const added = percentile(tunnel, 0.5) - percentile(direct, 0.5);
  const row = atMost(
    'gateway over tunnel, added to a direct connection, p50',
    { value: 3, unit: 'ms' },
    added,
  );
  const p99 = `p99 ${short(percentile(direct, 0.99))} → ${short(percentile(tunnel, 0.99))} ms`;
  return {
    rows: [{ ...row, measured: `${row.measured} (${p99})` }],
    details: Object.fromEntries(ways.map(({ name }, index) => [name, p50AndP99(taken[index] ?? [])])),
  };
}
