import { AppError } from '@hexabase/kernel/errors.ts';

/** The entity tag of a representation: its generation in quotes (RFC 9110 §8.8.3). */
export function etagOf(data: unknown): string {
  const generation =
    data !== null && typeof data === 'object' && 'generation' in data ? data.generation : undefined;
  if (typeof generation !== 'number') throw new Error('a conditional operation must answer a generation');
  return `"${generation}"`;
}

/**
 * Refuses a change to what has moved on since the caller read it. No header means "whatever is there now"; weak tags
 * never match (RFC 9110 §13.1.1). Throws `stale_revision`.
 */
export function requireRevision(ifMatch: string | null, generation: number | null): void {
  if (ifMatch === null || ifMatch.trim() === '*') return;
  const tags = ifMatch.split(',').map((tag) => tag.trim());
  if (!tags.includes(`"${generation}"`))
    throw new AppError('stale_revision', { details: { current: `"${generation}"` } });
}
