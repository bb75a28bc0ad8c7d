import type { Row } from '../product/report.ts';

/** One part of `./hks bench identity`. Others are added to the list in `report.ts`. */
export interface IdentityPart {
  name: string;
  measure(): Promise<{ how: string; rows: Row[]; details: Record<string, unknown> }>;
}
