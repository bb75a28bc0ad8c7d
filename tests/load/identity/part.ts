import type { Row } from '../product/report.ts';

/** One part of `./hks bench identity`. Others are added to the lists in `report.ts` and `tools/bench.ts`. */
export interface IdentityPart {
  name: string;
  /** Of its section. */
  title: string;
  measure(): Promise<{ how: string; rows: Row[]; details: Record<string, unknown> }>;
}
