import { presetRoles } from '@hexabase/authz/rules/presets.ts';
import type { role } from '@hexabase/contract/access/role.ts';
import type { UseCase } from '../run/use-case.ts';
import { requireOwnRole } from './rules.ts';
import { presetAsRole } from './store.ts';

/** `admin` and `viewer` are there for workspaces and for projects: without `scope` the one for projects is meant. */
export const getRole: UseCase<typeof role.operations.get> = async (context, { params, query }) => {
  const preset = presetRoles.find(
    ({ name, scope }) => name === params.role && scope === (query.scope ?? 'project'),
  );
  return { data: preset ? presetAsRole(preset) : await requireOwnRole(context, params.role) };
};
