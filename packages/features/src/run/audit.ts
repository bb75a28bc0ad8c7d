import type { OperationCall } from '@hexabase/contract/call.ts';
import type { Actor } from '@hexabase/kernel/actor.ts';
import { isAppError } from '@hexabase/kernel/errors.ts';
import { newId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import type { Ports } from './ports.ts';
import { insertAuditEntry } from './store.ts';

/** What the audit entry will say; filled while the request runs. */
export interface Trace {
  organizationId: string | null;
  workspaceId: string | null;
  /** By which the actor is in this organization at all. */
  grantId: string | null;
  target: string;
  facts: Record<string, unknown>;
}

interface Outcome {
  call: OperationCall;
  actor: Actor;
  trace: Trace;
  data: unknown;
  nowMs: number;
}

/** Writes the entry of a change in the transaction of the change: neither exists without the other. */
export async function recordOutcome(tx: Tx, { call, actor, trace, data, nowMs }: Outcome): Promise<void> {
  const made = idOf(data);
  const noun = call.operation.id.split('.')[0] ?? '';
  const isCreation = call.operation.status === 201 && made !== null;
  const organizationId = trace.organizationId ?? (noun === 'organization' ? made : null);
  await insertAuditEntry(tx, {
    ...entryBase({ call, actor, nowMs, organizationId }),
    workspaceId: trace.workspaceId ?? (isCreation && noun === 'workspace' ? made : null),
    grantId: trace.grantId,
    target: isCreation ? `${noun}/${made}` : trace.target,
    outcome: 'allowed',
    details: { ...trace.facts, ...childOf(call), ...tokenOf(actor) },
  });
}

/**
 * Whoever is in organizations by a grant leaves a trace in each of them by looking: reads across all of one's
 * organizations too.
 */
export async function recordLook(
  tx: Tx,
  { call, actor, nowMs }: Pick<Outcome, 'call' | 'actor' | 'nowMs'>,
): Promise<void> {
  for (const { organizationId, grant } of actor.memberships) {
    if (!grant) continue;
    await insertAuditEntry(tx, {
      ...entryBase({ call, actor, nowMs, organizationId }),
      grantId: grant.id,
      target: call.operation.path,
      outcome: 'allowed',
      details: {},
    });
  }
}

/**
 * Writes the entry of a refusal, after the rollback of the request. Reads are recorded only when refused. A refusal on
 * what the caller may not know has no organization, so that it lands in the caller's own log and in nobody else's.
 */
export async function recordRefusal(
  ports: Ports,
  { call, actor, trace, error }: Pick<Outcome, 'call' | 'actor' | 'trace'> & { error: unknown },
): Promise<void> {
  const denied = isAppError(error) && [403, 404].includes(error.status);
  if (call.operation.method === 'GET' && !denied) return;
  if (isAppError(error, 'database_unavailable') || isAppError(error, 'storage_full')) return;
  // A flood would fill the log.
  if (isAppError(error, 'rate_limited')) return;
  const scope = {
    userId: actor.userId,
    organizationIds: [...actor.memberships, ...(actor.withheld ?? [])].map(
      (membership) => membership.organizationId,
    ),
  };
  try {
    await ports.database.asTenant(scope, (tx) =>
      insertAuditEntry(tx, {
        ...entryBase({ call, actor, nowMs: ports.clock.now(), organizationId: trace.organizationId }),
        workspaceId: trace.workspaceId,
        grantId: trace.grantId,
        target: trace.target,
        outcome: denied ? 'denied' : 'failed',
        details: {
          code: isAppError(error) ? error.code : 'internal',
          params: call.params,
          ...tokenOf(actor),
        },
      }),
    );
  } catch (cause) {
    ports.log.error({ requestId: call.requestId, cause }, 'a refusal could not be written to the audit log');
  }
}

function entryBase({
  call,
  actor,
  nowMs,
  organizationId,
}: Pick<Outcome, 'call' | 'actor' | 'nowMs'> & { organizationId: string | null }) {
  return {
    id: newId(nowMs),
    organizationId,
    // What belongs to no organization is the person's own affair, unless it was done to the platform.
    personId: call.operation.access.kind === 'platform' ? null : actor.userId,
    actorId: actor.userId,
    actorEmail: actor.email,
    action: call.operation.id,
    requestId: call.requestId,
    createdAt: new Date(nowMs),
  };
}

/** Which of the actor's API tokens it was, by its name. */
function tokenOf({ token }: Actor): { token?: string } {
  return token ? { token: token.name } : {};
}

/** The parameters after the target's own, for example the project. */
function childOf(call: OperationCall): Record<string, string> {
  const { id: _target, ...rest } = call.params;
  return rest;
}

function idOf(data: unknown): string | null {
  return data !== null && typeof data === 'object' && 'id' in data && typeof data.id === 'string'
    ? data.id
    : null;
}
