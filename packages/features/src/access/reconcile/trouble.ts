import { metadataOf, printable, RefusedInsideError, type Place } from '@hexabase/cluster/ensure-object.ts';
import { AppError, isAppError } from '@hexabase/kernel/errors.ts';
import { clause } from '@hexabase/kernel/text/sentences.ts';

/** Objects of one kind in one place of a workspace's cluster. */
export interface Collection extends Place {
  kind: 'ClusterRole' | 'ClusterRoleBinding' | 'RoleBinding';
  /** For people, behind the name: ` in project shop`; '' in the whole workspace. */
  where: string;
  nowMs: number;
}

/** Something of ours in a workspace's cluster that is not as it was decided. */
export interface Trouble {
  /** A sentence for people, without its stop. */
  words: string;
  /** `refused`: by the workspace's own cluster; `held`: a finalizer keeps it a while; `silent`: nobody could look. */
  kind: 'refused' | 'held' | 'silent';
  /** What it gives people there, beside what was decided. */
  gives: 'more' | 'other' | 'less' | 'nothing';
  /** For the log; null where nothing was answered. */
  error: AppError | null;
}

/** What somebody may write in an object's name that we print. */
const nameMax = 120;

/** `RoleBinding hexabase:ws-developers in project shop`, with whom it is for where that can be told. */
export function named({ kind, where }: Collection, object: Record<string, unknown>): string {
  const subjects = object['subjects'];
  const [subject] = Array.isArray(subjects) ? subjects : [];
  const whom = /^hexabase:(?:user|group):[\w-]{1,64}$/.exec(String(Object(subject)['name']))?.[0];
  const name = printable(metadataOf(object).name, nameMax);
  return `${kind} ${name}${whom === undefined ? '' : ` (for ${whom})`}${where}`;
}

/** As it is told what stood in the way of something. */
export function troubleWith(error: AppError, what: string, gives: Trouble['gives']): Trouble {
  const kind = error instanceof RefusedInsideError ? 'refused' : 'silent';
  return { words: `${what}: ${clause(error.message)}`, kind, gives, error };
}

/** What the work answers, or the error for people that it has thrown; others are thrown on. */
export async function catching<T>(
  work: () => Promise<T>,
): Promise<{ found: T; error: null } | { found: null; error: AppError }> {
  try {
    return { found: await work(), error: null };
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { found: null, error };
  }
}
