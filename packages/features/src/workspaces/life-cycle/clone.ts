import type { workspace } from '@hexabase/contract/workspace.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { brandId } from '@hexabase/kernel/id.ts';
import { copyRoles } from '../../roles/public.ts';
import type { TargetContext, UseCase } from '../../run/use-case.ts';
import { makeWorkspace } from '../create.ts';
import { toWorkspace } from '../representation.ts';
import { getWorkspaceRow, type WorkspaceRow } from '../store.ts';
import { requireSettledOnce } from './begin-change.ts';

/** What no copy has; the operation adds what it left out of this one source. */
const neverCopied = [
  'contents of volumes: claims are copied and begin empty',
  'rights: nobody but those who administer the organization, and you, has any in the copy',
  'tokens of service accounts',
  'finalizers: what ends in the copy waits for nobody that the source has put there',
  'events, logs and objects in namespaces of the system (kube-*)',
];

/**
 * Asks for a new workspace with what this one holds; the reconciler reads the source at one moment and writes it into
 * the new one. Roles of the source's own are copied, who holds them is not. Throws `conflict` where workspaces cannot be
 * copied, `workspace_not_active` for a source that never worked, is being deleted, or sleeps where that hinders, and what
 * making a workspace throws.
 */
export const cloneWorkspace: UseCase<typeof workspace.operations.clone> = async (context, { body }) => {
  const { tx, target, ports } = context;
  const source = await getWorkspaceRow(tx, target.id);
  requireSettledOnce(source);
  await requireCopiable(context, source);
  const row = await makeWorkspace(context, {
    kind: 'workspace.clone',
    name: body.name,
    slug: body.slug,
    description: body.description ?? source.description,
    plan: body.plan ?? source.plan,
    region: body.region ?? source.region,
    isolation: source.isolation,
    source: {
      hostClusterId: source.host_cluster_id,
      kubernetesVersion: source.kubernetes_version,
      clone: { sourceId: source.id, sourceSlug: source.slug, notCopied: neverCopied },
    },
  });
  await copyRoles(tx, {
    from: source.id,
    to: { id: row.id, organizationId: row.organization_id },
    by: context.actor.userId,
    nowMs: context.nowMs,
  });
  context.note({ source: source.id });
  return { data: toWorkspace(row, ports) };
};

async function requireCopiable({ ports, elsewhere }: TargetContext, source: WorkspaceRow): Promise<void> {
  const copying = (await elsewhere('copying', async () => ports.copying?.(brandId(source.id)))) ?? null;
  if (copying === null) {
    throw new AppError('conflict', { message: 'Workspaces cannot be cloned where this one is.' });
  }
  const isAsleep = source.asleep || source.phase === 'asleep';
  if (!isAsleep || copying.whileAsleep) return;
  throw new AppError('workspace_not_active', {
    message: 'The workspace sleeps, and where it is only one that is awake can be cloned.',
    details: { phase: source.phase, howTo: `hks workspace wake ${source.slug}` },
  });
}
