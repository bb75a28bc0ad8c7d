import type { workspace } from '@hexabase/contract/workspace.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { brandId } from '@hexabase/kernel/id.ts';
import type { UseCase } from '../run/use-case.ts';
import { requireConnectable } from './kubeconfig.ts';
import { groupIdsOf, readStanding } from './store.ts';
import { kubernetesGroupsOfRole } from './workspace.ts';

/** Throws `workspace_not_active`. The groups come from the database at this moment, never from what a token said. */
export const mintKubeToken: UseCase<typeof workspace.operations.kubeToken> = async (context) => {
  const { tx, ports, actor, target } = context;
  const standing = await readStanding(tx, { userId: actor.userId, organizationId: target.organizationId });
  if (!standing) throw new AppError('not_found');
  const row = await requireConnectable(context);
  const groupIds = await groupIdsOf(tx, row.id, actor.userId);
  const groups = [
    ...kubernetesGroupsOfRole(standing.role),
    `hexabase:user:${actor.userId}`,
    ...groupIds.map((id) => `hexabase:group:${id}`),
  ];
  const { token, expiresAt } = await ports.mintKubeToken({
    actor,
    workspaceId: brandId(row.id),
    groups,
    epoch: standing.epoch,
  });
  return { data: { token, expiresAt } };
};
