import { hostCluster, type HostCluster } from '@hexabase/testkit/host-cluster.ts';
import type { Row } from '../../../tests/load/product/report.ts';

/** One part of `./hks bench vcluster`: it makes what it needs on the host, measures, and removes it. */
export interface VclusterPart {
  /** As in `./hks bench vcluster --part gateway`. */
  name: string;
  /** Of its section. */
  title: string;
  /** How it is measured. */
  how: string;
  run(): Promise<PartFigures>;
}

export interface PartFigures {
  rows: Row[];
  notes?: string[];
  details: Record<string, unknown>;
}

/** Throws when there is none. */
export function tenantHost(): HostCluster {
  const host = hostCluster('tenant');
  if (host === null) {
    throw new Error(
      'There is no host cluster of level tenant: set HKS_TEST_HOST_KUBECONFIG, HKS_TEST_HOST_LEVEL and their companions.',
    );
  }
  return host;
}
