import { hostCluster } from '@hexabase/testkit/host-cluster.ts';
import { print, type Row } from '../../../tests/load/product/report.ts';
import { gatewayPart } from './gateway.ts';
import type { VclusterPart } from './part.ts';

/**
 * `node tools/bench/vcluster/report.ts [PART…]`: what real vClusters on a real host cluster cost. A part is one file of
 * this folder, listed here. Needs a host cluster of level `tenant` (`HKS_TEST_HOST_KUBECONFIG` and its companions).
 */
const parts: readonly VclusterPart[] = [gatewayPart];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !parts.some((part) => part.name === name));
if (unknown.length > 0) throw new Error(`There is no part ${unknown.join(', ')}.`);
const host = hostCluster('tenant');
if (host === null)
  throw new Error('There is no host cluster: set HKS_TEST_HOST_KUBECONFIG and its companions.');

const rows: Row[] = [];
const how: string[] = [];
const details: Record<string, unknown> = {};
for (const part of parts.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  const figures = await part.run(host);
  rows.push(...figures.rows);
  how.push(part.how);
  details[part.name] = figures.details;
}
print({ title: 'Real vClusters', how: how.join(' '), rows, details });
