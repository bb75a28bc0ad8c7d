import type { ResourceInfo } from '../../types.ts';
import { ageColumn, nameColumn, type Column } from './column.ts';

/** The columns of a kind; kinds without a printer show name and age. */
export function columnsOf(info: Pick<ResourceInfo, 'groupResource'>): readonly Column[] {
  return printers.get(info.groupResource) ?? fallback;
}

const fallback: readonly Column[] = [nameColumn, ageColumn];

const printers = new Map<string, readonly Column[]>([]);
