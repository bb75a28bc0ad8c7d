import type { ReportPart } from './reconciler.ts';

/** What several steps say of a removal, as one; null when none says anything. */
export function mergedReport(parts: readonly ReportPart[]): Required<ReportPart> | null {
  if (parts.length === 0) return null;
  return {
    removed: parts.flatMap((part) => part.removed ?? []),
    left: parts.at(-1)?.left ?? [],
    checked: parts.flatMap((part) => part.checked ?? []),
  };
}
