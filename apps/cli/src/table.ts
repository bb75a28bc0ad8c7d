import type { Column } from '@hexabase/contract/resource.ts';
import { shortAge } from './age.ts';

/** Lays rows out in columns, kubectl's way: upper-case headers, three spaces between. */
export function renderTable(columns: readonly Column[], rows: readonly unknown[], nowMs: number): string {
  const cells = rows.map((row) =>
    columns.map((column) => cellText(column, valueAt(row, column.field), nowMs)),
  );
  return renderCells([columns.map((column) => column.header), ...cells]);
}

/** Lays out text cells; the first row holds the headers. */
export function renderCells(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, index) =>
    Math.max(...lines.map((line) => (line[index] ?? '').length)),
  );
  return lines
    .map((line) =>
      line
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('   ')
        .trimEnd(),
    )
    .join('\n');
}

function cellText(column: Column, value: unknown, nowMs: number): string {
  if (value === null || value === undefined) return '-';
  if (column.as === 'age') return shortAge(String(value), nowMs);
  if (Array.isArray(value)) return value.join(',');
  return String(value);
}

/** Follows a dotted path into a value; undefined where it ends early. */
export function valueAt(row: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (isRecord(value) ? value[key] : undefined), row);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
