import { AppError } from '@hexabase/kernel/errors.ts';

export interface PageQuery {
  page: number;
  limit: number;
  sort?: string | undefined;
}

export interface Order<Column extends string> {
  column: Column;
  direction: 'asc' | 'desc';
}

/**
 * Reads `sort` against the fields that may be sorted by; the first of them is the default, newest or highest first when
 * `defaultDirection` says so. Throws `validation_failed` for any other field, so that hidden columns cannot be probed.
 */
export function orderBy<Column extends string>(
  sort: string | undefined,
  fields: Readonly<Record<string, Column>>,
  fallback: Order<Column>,
): Order<Column> {
  if (sort === undefined) return fallback;
  const descending = sort.startsWith('-');
  const name = descending ? sort.slice(1) : sort;
  const column = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (column === undefined) {
    const message = `use one of ${Object.keys(fields).join(', ')}, with - in front for descending`;
    throw new AppError('validation_failed', { details: { fields: [{ path: 'sort', message }] } });
  }
  return { column, direction: descending ? 'desc' : 'asc' };
}

/** How many rows come before this page. */
export function offsetOf(query: PageQuery): number {
  return (query.page - 1) * query.limit;
}
