import type { workspace } from '@hexabase/contract/workspace.ts';
import { membershipIn } from '@hexabase/kernel/actor.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { brandId } from '@hexabase/kernel/id.ts';
import { recallGroups } from '../access/load-access.ts';
import { requireTokenRoom } from '../access/withheld.ts';
import type { UseCase } from '../run/use-case.ts';
import { requireConnectable } from './kubeconfig.ts';

/**
 * Throws `workspace_not_active`, `conflict` for who is in more groups than a token carries. The token carries the groups that something is bound to in this workspace, as the
 * database has them at this moment, never what an older token said.
 */
export const mintKubeToken: UseCase<typeof workspace.operations.kubeToken> = async (context) => {
  const { tx, ports, actor, target } = context;
  const { organizationId, id } = target;
  const found = await recallGroups(
    { tx, database: ports.database },
    { userId: actor.userId, organizationId, workspaceId: id },
  );
  if (!found) throw new AppError('not_found');
  await requireConnectable(context);
  requireTokenRoom(found.groups);
  const grant = membershipIn(actor, organizationId)?.grant;
  const { token, expiresAt } = await ports.mintKubeToken({
    actor,
    workspaceId: brandId(id),
    groups: found.groups,
    epoch: found.epoch,
    ...(grant && { grant }),
  });
  return { data: { token, expiresAt } };
};
