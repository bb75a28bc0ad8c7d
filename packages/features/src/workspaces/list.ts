import type { workspace } from '@hexabase/contract/workspace.ts';
import { organizationsWith } from '../run/resolve.ts';
import type { UseCase } from '../run/use-case.ts';
import { toWorkspace } from './representation.ts';
import { asSeen } from './life-cycle/seen.ts';
import { listWorkspaceRows } from './store.ts';

/** Those of all the caller's organizations, or of the one that `?organization=` names. */
export const listWorkspaces: UseCase<typeof workspace.operations.list> = async (
  { tx, actor, ports, nowMs },
  { query },
) => {
  const asked = { actor, action: 'workspace:read', named: query.organization } as const;
  const organizationIds = await organizationsWith(tx, asked);
  const { rows, total } = await listWorkspaceRows(tx, { ...query, organizationIds });
  const seen = await asSeen(tx, rows, nowMs);
  return { data: seen.map((row) => toWorkspace(row, ports)), total };
};
