import type { PlacedWish } from '@hexabase/authz/effective-access.ts';
import { parseResource, RuleTextError } from '@hexabase/contract/rules/rule-text.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { findProjectRow } from '../projects/store.ts';
import type { TargetContext } from '../run/use-case.ts';

/** What somebody asks about. */
export interface AskedWish {
  verb: string;
  resource: string;
  project?: string | undefined;
  name?: string | undefined;
}

/** Reads the resource as kubectl does. Throws `validation_failed`, and `not_found` for a project that is not there. */
export async function readWish(context: TargetContext, asked: AskedWish): Promise<PlacedWish> {
  const project = await requireProjectName(context, asked.project);
  try {
    return { ...parseResource(asked.resource), verb: asked.verb, name: asked.name ?? '', project };
  } catch (error) {
    if (!(error instanceof RuleTextError)) throw error;
    const fields = [{ path: 'resource', message: error.message }];
    throw new AppError('validation_failed', { details: { fields } });
  }
}

/** The name of a live project of the workspace; null when none is asked about. Throws `not_found`. */
export async function requireProjectName(
  { tx, target }: TargetContext,
  project: string | undefined,
): Promise<string | null> {
  if (project === undefined) return null;
  const row = await findProjectRow(tx, { workspaceId: target.id, nameOrId: project, lock: false });
  if (!row) throw new AppError('not_found', { message: 'There is no such project in this workspace.' });
  return row.name;
}
