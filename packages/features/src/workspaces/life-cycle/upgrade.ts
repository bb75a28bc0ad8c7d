import type { workspace } from '@hexabase/contract/workspace.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { brandId } from '@hexabase/kernel/id.ts';
import type { UseCase } from '../../run/use-case.ts';
import { beginChange, requireSettledOnce } from './begin-change.ts';
import { minorOf, refusalOf } from './kubernetes-version.ts';
import { toWorkspace } from '../representation.ts';
import { getWorkspaceRow } from '../store.ts';

/**
 * Asks for the next minor version. Throws `version_not_allowed` for skips, ways back and versions that are not offered,
 * `workspace_not_active` unless it is active: what does not work would not work better afterwards.
 */
export const upgradeWorkspace: UseCase<typeof workspace.operations.upgrade> = async (context, { body }) => {
  const { tx, target, ports, elsewhere } = context;
  const row = await getWorkspaceRow(tx, target.id);
  requireSettledOnce(row);
  const from = row.kubernetes_version ?? minorOf(row.running_version);
  if (from === body.kubernetesVersion) return { data: toWorkspace(row, ports) };
  if (row.phase !== 'active') {
    throw new AppError('workspace_not_active', {
      message: `The workspace is ${row.phase}; it can be upgraded when it is active.`,
      details: { phase: row.phase },
    });
  }
  const offered =
    (await elsewhere('versions', async () => ports.kubernetesVersions?.(brandId(row.id)))) ?? [];
  const refusal = refusalOf({ from, to: body.kubernetesVersion, offered });
  if (refusal !== null) {
    throw new AppError('version_not_allowed', { message: refusal, details: { from, offered: [...offered] } });
  }
  // A new version comes with what is newest otherwise: an older release may not know it.
  const release = (await elsewhere('release', async () => ports.newestRelease?.(brandId(row.id)))) ?? null;
  context.note({ versionBefore: from, versionAfter: body.kubernetesVersion });
  const changed = await beginChange(context, row, {
    kind: 'workspace.upgrade',
    kubernetes_version: body.kubernetesVersion,
    ...(release !== null && { release }),
  });
  return { data: toWorkspace(changed, ports) };
};
