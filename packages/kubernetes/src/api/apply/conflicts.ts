import { StatusError } from '../status-error.ts';
import { membersOf, type MaybeFields } from './typed/field-set.ts';
import type { Manager } from './managers.ts';
import { pathText } from './typed/path-text.ts';

/** Fields that another manager owns and that an apply would change. */
export interface Conflict {
  with: Manager;
  set: MaybeFields;
}

/** 409 with one cause per field, in upstream's wording: kubectl prints it and scripts match it. */
export function applyConflict(conflicts: readonly Conflict[]): StatusError {
  const fields = conflicts.flatMap((conflict) =>
    membersOf(conflict.set).map((path) => ({ owner: ownerText(conflict.with), path: pathText(path) })),
  );
  const causes = fields.map(({ owner, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${owner}`,
    field: path,
  }));
  return new StatusError(409, 'Conflict', { message: conflictText(fields), details: { causes } });
}

function conflictText(fields: readonly { owner: string; path: string }[]): string {
  const [first] = fields;
  if (fields.length === 1 && first)
    return `Apply failed with 1 conflict: conflict with ${first.owner}: ${first.path}`;
  const owners = [...new Set(fields.map(({ owner }) => owner))].sort();
  const parts = owners.map((owner) => {
    const paths = fields.filter((field) => field.owner === owner).map(({ path }) => `- ${path}`);
    return `conflicts with ${owner}:\n${paths.join('\n')}`;
  });
  return `Apply failed with ${fields.length} conflicts: ${parts.join('\n')}`;
}

function ownerText({ manager, subresource, operation, apiVersion }: Manager): string {
  const name =
    JSON.stringify(manager) + (subresource ? ` with subresource ${JSON.stringify(subresource)}` : '');
  return operation === 'Update' ? `${name} using ${apiVersion}` : name;
}
