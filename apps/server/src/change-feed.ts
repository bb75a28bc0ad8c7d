import { readWorkspace } from '@hexabase/features/workspaces/public.ts';
import type { Ports } from '@hexabase/features/run/ports.ts';
import type { Change, ChangeFeed } from '@hexabase/http/event-stream.ts';
import { brandId } from '@hexabase/kernel/id.ts';
import { revocationChannel } from '@hexabase/oidc/revocation.ts';
import type { Published } from '@hexabase/reconcile/outbox-relay.ts';

/** Changes for the event stream, fed by the outbox. */
export async function createChangeFeed(
  ports: Ports,
): Promise<ChangeFeed & AsyncDisposable & { publish(message: Published): void }> {
  const changes = new Set<(change: Change | null) => void>();
  const revocations = new Set<(userId: string | null) => void>();
  const listening = await ports.database.listen(revocationChannel, (userId) => {
    for (const listener of revocations) listener(userId === '' ? null : userId);
  });
  return {
    subscribe: (listener) => subscription(changes, listener),
    onRevocation: (listener) => subscription(revocations, listener),
    read: (actor, change) =>
      ports.database.asTenant(
        {
          userId: actor.userId,
          organizationIds: actor.memberships.map((membership) => membership.organizationId),
        },
        async (tx) => (change.noun === 'workspace' ? readWorkspace(tx, change.id, ports.kubernetes) : null),
        { readOnly: true },
      ),
    publish(message) {
      const change = changeOf(message);
      if (change) for (const listener of changes) listener(change);
    },
    [Symbol.asyncDispose]: () => listening[Symbol.asyncDispose](),
  };
}

/** `workspace.ready` with `{ id }` is a change of that workspace. */
function changeOf({ subject, organizationId, payload }: Published): Change | null {
  const [noun] = subject.split('.');
  const { id } = payload;
  if (noun === undefined || organizationId === null || typeof id !== 'string') return null;
  return { noun, organizationId: brandId(organizationId), id };
}

function subscription<T>(listeners: Set<T>, listener: T): Disposable {
  listeners.add(listener);
  return { [Symbol.dispose]: () => listeners.delete(listener) };
}
