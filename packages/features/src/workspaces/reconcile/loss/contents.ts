import { findCondition, type ConditionInput } from '@hexabase/kernel/conditions.ts';
import type { WorkspaceSubject } from '../store.ts';

/** What was found to be empty is told until somebody says that they have seen it. */
export function contentsOf({ contentLostAt, conditions }: WorkspaceSubject): ConditionInput[] {
  const type = 'ContentsKept';
  if (contentLostAt === null) {
    const isOver = findCondition(conditions, type)?.status === 'False';
    return isOver ? [{ type, status: 'True', reason: 'Resolved', message: '' }] : [];
  }
  const message = `Everything in it was found to be lost at ${contentLostAt.toISOString()}: its Kubernetes API has begun anew with nothing. Its projects were made again, empty.`;
  return [{ type, status: 'False', reason: 'DataLost', message }];
}
