import type { workspace } from '@hexabase/contract/workspace.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { brandId } from '@hexabase/kernel/id.ts';
import type { TargetContext, UseCase } from '../run/use-case.ts';
import { getWorkspaceRow, type WorkspaceRow } from './store.ts';
import { contextName, isConnectable } from './workspace.ts';

/** Address and authority for a kubeconfig; no secret. Throws `workspace_not_active`. */
export const kubeconfig: UseCase<typeof workspace.operations.kubeconfig> = async (context) => {
  const row = await requireConnectable(context);
  const { kubernetes } = context.ports;
  const authority = kubernetes.certificateAuthority();
  return {
    data: {
      context: contextName(row),
      server: kubernetes.urlOf(brandId(row.id)),
      certificateAuthorityData: authority === null ? null : Buffer.from(authority).toString('base64'),
      workspaceId: row.id,
    },
  };
};

export async function requireConnectable({ tx, target }: TargetContext): Promise<WorkspaceRow> {
  const row = await getWorkspaceRow(tx, target.id);
  if (isConnectable(row.phase)) return row;
  throw new AppError('workspace_not_active', {
    message: `The workspace is ${row.phase}; it cannot be connected to.`,
    details: { phase: row.phase },
  });
}
