import { brandId, type OrganizationId } from '@hexabase/kernel/id.ts';
import { readProject } from '../projects/public.ts';
import type { Ports } from './ports.ts';
import { readWorkspace } from '../workspaces/public.ts';

/** A key without content, as the database announces it: see the triggers of the migrations. */
export interface Change {
  noun: string;
  organizationId: OrganizationId;
  id: string;
}

export interface ChangeFeed extends AsyncDisposable {
  subscribe(listener: (change: Change | null) => void): Disposable;
  onRevocation(listener: (userId: string | null) => void): Disposable;
  read(change: Change): Promise<unknown>;
}

type FeedPorts = Pick<Ports, 'database' | 'clock' | 'kubernetes' | 'deletionGraceMs'>;

/** Listens once for the whole process and tells every open stream; `null` after a reconnect of the database. */
export async function openChangeFeed(ports: FeedPorts): Promise<ChangeFeed> {
  const changes = new Set<(change: Change | null) => void>();
  const revocations = new Set<(userId: string | null) => void>();
  const listening = new AsyncDisposableStack();
  listening.use(
    await ports.database.listen('hexabase_changes', (payload) => {
      const change = parseChange(payload);
      for (const listener of changes) listener(change);
    }),
  );
  listening.use(
    await ports.database.listen('hexabase_revocation', (payload) => {
      for (const listener of revocations) listener(payload === '' ? null : payload);
    }),
  );
  return {
    subscribe: (listener) => subscription(changes, listener),
    onRevocation: (listener) => subscription(revocations, listener),
    read: (change) => readChange(ports, change),
    [Symbol.asyncDispose]: () => listening.disposeAsync(),
  };
}

/**
 * Reads as nobody in particular who is in the organization: what is read is the same for all who may look at its workspaces,
 * and is told to no one else.
 */
async function readChange({ database, clock, ...view }: FeedPorts, change: Change): Promise<unknown> {
  const scope = { userId: null, organizationIds: [change.organizationId] };
  return database.asTenant(
    scope,
    async (tx) => {
      switch (change.noun) {
        case 'workspace':
          return readWorkspace(tx, change.id, { ...view, nowMs: clock.now() });
        case 'project':
          return readProject(tx, change.id);
        default:
          return null;
      }
    },
    { readOnly: true },
  );
}

function parseChange(payload: string): Change | null {
  const [noun, organizationId, id] = payload.split(' ');
  return noun && organizationId && id ? { noun, organizationId: brandId(organizationId), id } : null;
}

function subscription<T>(listeners: Set<T>, listener: T): Disposable {
  listeners.add(listener);
  return { [Symbol.dispose]: () => void listeners.delete(listener) };
}
