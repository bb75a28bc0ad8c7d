import type { LongOperation } from '@hexabase/contract/long-operation.ts';

/** The report of a removal, a line each: what is gone, what is left, what was looked through. Empty without a report. */
export function reportLines({ report }: Pick<LongOperation, 'report'>): string[] {
  if (report === null) return [];
  const removed = items(report['removed']);
  const left = items(report['left']);
  const checked = items(report['checked']);
  return [
    ...removed.map((item) => `  removed  ${item}`),
    ...left.map((item) => `  LEFT     ${item}`),
    ...checked.map((item) => `  checked  ${item}`),
    `${removed.length} removed, ${left.length} left`,
  ];
}

function items(list: unknown): string[] {
  if (!Array.isArray(list)) return [];
  return list.map((item: unknown) => {
    if (typeof item === 'string') return item;
    if (typeof item !== 'object' || item === null || !('kind' in item) || !('key' in item))
      return JSON.stringify(item);
    const why = 'why' in item ? ` (${String(item.why)})` : '';
    return `${String(item.kind)} ${String(item.key)}${why}`;
  });
}
