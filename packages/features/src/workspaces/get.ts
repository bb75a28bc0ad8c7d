import type { workspace } from '@hexabase/contract/workspace.ts';
import type { UseCase } from '../run/use-case.ts';
import { toWorkspace } from './representation.ts';
import { getWorkspaceRow } from './store.ts';

export const getWorkspace: UseCase<typeof workspace.operations.get> = async ({ tx, target, ports }) => ({
  data: toWorkspace(await getWorkspaceRow(tx, target.id), ports),
});
