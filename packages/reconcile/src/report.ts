import type { ReportItem, ReportPart } from './reconciler.ts';

/** What the steps since the last note say of a removal. */
export interface Told extends Omit<Required<ReportPart>, 'left'> {
  /** Null when none of them has looked. */
  left: readonly ReportItem[] | null;
}

/** What several steps say of a removal, as one; null when none says anything. */
export function mergedReport(parts: readonly ReportPart[]): Told | null {
  if (parts.length === 0) return null;
  return {
    removed: parts.flatMap((part) => part.removed ?? []),
    left: parts.findLast((part) => part.left !== undefined)?.left ?? null,
    checked: parts.flatMap((part) => part.checked ?? []),
  };
}
