import type { workspace } from '@hexabase/contract/workspace.ts';
import type { UseCase } from '../run/use-case.ts';
import { toWorkspace } from './representation.ts';
import { asSeen } from './life-cycle/seen.ts';
import { getWorkspaceRow } from './store.ts';

export const getWorkspace: UseCase<typeof workspace.operations.get> = async (context) => {
  const { tx, target, ports, nowMs } = context;
  const row = await getWorkspaceRow(tx, target.id);
  const [seen = row] = await asSeen(tx, [row], nowMs);
  return { data: toWorkspace(seen, ports) };
};
