import type { Column } from '@hexabase/contract/resource.ts';
import { stringify } from 'yaml';
import { renderTable } from './table.ts';

export const outputFormats = ['table', 'json', 'yaml'] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** Text of a result in the format that was asked for. A single object is a table of one row. */
export function render(format: OutputFormat, columns: readonly Column[], result: unknown): string {
  switch (format) {
    case 'json':
      return JSON.stringify(result, null, 2);
    case 'yaml':
      return stringify(result).trimEnd();
    case 'table': {
      const rows = Array.isArray(result) ? result : [result];
      return rows.length === 0 ? 'Nothing here yet.' : renderTable(columns, rows, Date.now());
    }
  }
}
