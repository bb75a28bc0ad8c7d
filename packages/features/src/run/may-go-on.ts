import { decide } from '@hexabase/authz/decide.ts';
import { tokenMayCall } from '@hexabase/authz/token-scope.ts';
import type { OperationCall } from '@hexabase/contract/call.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { ResolvedTarget } from './use-case.ts';

/**
 * Whether a stream that was begun may go on: who asked is looked up anew, with roles and grants as they are now. Throws
 * as authentication does once the session or API token has ended, and AppError `forbidden` for a right that was taken.
 */
export async function requireStill(
  call: OperationCall,
  target: Pick<ResolvedTarget, 'organizationId' | 'kind' | 'id'> | null,
): Promise<void> {
  const actor = await call.askAgain?.();
  if (!actor) return;
  const { access } = call.operation;
  if (!tokenMayCall(actor, call.operation)) throw new AppError('forbidden');
  if (access.kind !== 'action' || !target) return;
  const { organizationId } = target;
  const workspaceId = target.kind === 'workspace' ? target.id : null;
  if (!decide(actor, access.action, { organizationId, workspaceId }).allowed) throw new AppError('forbidden');
}
