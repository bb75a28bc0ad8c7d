import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { percentile } from '../kubernetes/figures.ts';
import { atMost, short, withoutGoal } from '../product/report.ts';
import { restClient } from '../product/rest.ts';
import { p50AndP99 } from '../product/timed-get.ts';
import { inTurn } from './in-turn.ts';
import type { IdentityPart } from './part.ts';
import { startProgram } from './program.ts';

export interface Rounds {
  rounds: number;
  warmUpRounds: number;
}

/** What `audited-product.ts` says once it serves; of two, the first is with audit entries and the second without. */
export interface AuditedProduct {
  /** Milliseconds of changes in its own process. */
  alone: number[][];
  /** Addresses of the API. */
  urls: string[];
  token: string;
  organizationId: string;
}

const counts: Rounds = { rounds: 2_000, warmUpRounds: 500 };

/** What the audit entry adds to the change that it tells of. */
export const auditPart: IdentityPart = {
  name: 'audit',
  title: 'audit log',
  async measure() {
    const folder = await mkdtemp(join(tmpdir(), 'hks-bench-audit-'));
    // The database server runs as another user when we are root.
    await chmod(folder, 0o755);
    try {
      const { alone, overHttp } = await measureBoth(folder);
      const [change, write] = [alone, overHttp].map(addedBy);
      return {
        how: `An organization is renamed ${counts.rounds} times with its audit entry and, in turn, without, after ${counts.warmUpRounds} to warm up, on the embedded PostgreSQL with fsync. A write as its user makes it: PATCH over HTTP from another process, with authentication, authorization, row-level security and commit. Of that, the use case and its transaction alone: in the process of the product, without HTTP and authentication. Without: this benchmark keeps the one INSERT back on its way to the database.`,
        rows: [
          {
            ...atMost(
              'audit, added to a write over HTTP, p50',
              { value: 10, unit: '%' },
              write?.percent ?? 0,
            ),
            measured: write?.text ?? '',
          },
          withoutGoal('of that, added to the use case and its commit alone, p50', change?.text ?? ''),
        ],
        details: { ...counts, overHttp: write?.details, useCaseAndCommit: change?.details },
      };
    } finally {
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  },
};

async function measureBoth(folder: string): Promise<{ alone: number[][]; overHttp: number[][] }> {
  await using product = await startProgram<AuditedProduct>('audited-product.ts', { folder, ...counts });
  const { alone, urls, token, organizationId } = product.said;
  using clients = new DisposableStack();
  const ways = urls.map((url) => {
    const rest = clients.use(restClient({ url, token, connections: 1 }));
    return (name: string) => rest.call('PATCH', `/api/v1/organizations/${organizationId}`, { name });
  });
  return { alone, overHttp: await inTurn(counts, ways) };
}

function addedBy([audited = [], bare = []]: number[][]) {
  const [own, plain] = [percentile(audited, 0.5), percentile(bare, 0.5)];
  const percent = (own / plain - 1) * 100;
  return {
    percent,
    text: `${short(percent)} % (${short(plain)} → ${short(own)} ms)`,
    details: { auditedMs: p50AndP99(audited), bareMs: p50AndP99(bare) },
  };
}
