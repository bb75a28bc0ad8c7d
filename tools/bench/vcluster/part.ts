import type { Row } from '../../../tests/load/product/report.ts';
import type { HostCluster } from '@hexabase/testkit/host-cluster.ts';

/** One part of `./hks bench vcluster`: it makes what it needs on the host, measures, and removes it. */
export interface VclusterPart {
  /** As in `./hks bench vcluster --part gateway`, and the key of its figures. */
  name: string;
  /** How it is measured, one sentence. */
  how: string;
  run(host: HostCluster): Promise<PartFigures>;
}

export interface PartFigures {
  rows: Row[];
  details: Record<string, unknown>;
}
