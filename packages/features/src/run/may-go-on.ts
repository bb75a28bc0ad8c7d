import { decide } from '@hexabase/authz/decide.ts';
import { tokenMayCall } from '@hexabase/authz/token-scope.ts';
import type { OperationCall } from '@hexabase/contract/call.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { placeOf } from './resolve.ts';
import type { ResolvedTarget } from './use-case.ts';

/**
 * Whether a stream that was begun may go on: who asked is looked up anew, with roles and grants as they are now. Throws
 * as authentication does once the session or API token has ended, and AppError `forbidden` for a right that was taken.
 */
export async function requireStill(call: OperationCall, target: ResolvedTarget | null): Promise<void> {
  const actor = await call.askAgain?.();
  if (!actor) return;
  const { access } = call.operation;
  const mayStill =
    tokenMayCall(actor, call.operation) &&
    (!('action' in access) || decide(actor, access.action, placeOf(target)).allowed);
  if (!mayStill) throw new AppError('forbidden');
}
