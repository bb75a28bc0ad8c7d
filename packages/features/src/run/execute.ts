import { decide } from '@hexabase/authz/decide.ts';
import { tokenMayCall } from '@hexabase/authz/token-scope.ts';
import type { Action } from '@hexabase/contract/action.ts';
import type { Execute, OperationAnswer, OperationCall } from '@hexabase/contract/call.ts';
import { membershipIn, type Actor } from '@hexabase/kernel/actor.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { recordLook, recordOutcome, recordRefusal, type Trace } from './audit.ts';
import { createElsewhere, type Elsewhere } from './turns/elsewhere.ts';
import { findOrReserveAnswer, storeAnswer } from './idempotency.ts';
import { holdRights, holdStanding, requireStill } from './may-go-on.ts';
import type { Ports } from './ports.ts';
import { locks, organizationOf, placeOf, resolveTarget } from './resolve.ts';
import { etagOf, requireRevision } from './revision.ts';
import { holdGroups } from './store.ts';
import { actorFor, scopeOf, secondFactorRequired, withheldTarget } from './withheld.ts';
import { createFairRequests, type FairRequests, type OwnTurn } from './turns/fair-requests.ts';
import type { Binding, Context, Feature, ResolvedTarget, TargetContext } from './use-case.ts';

/**
 * The one way into the product: each operation runs in one transaction with the actor's tenant scope; target,
 * decision, revision, idempotency and audit are applied here, so that no use case can forget them.
 */
export function createExecute(features: readonly Feature[], ports: Ports): Execute {
  const bindings = new Map(
    features.flatMap((feature) => feature.bindings.map((binding) => [binding.operation.id, binding])),
  );
  const fair = createFairRequests();
  return async (call) => {
    const binding = bindings.get(call.operation.id);
    if (!binding) throw new AppError('not_built');
    if (!call.actor) throw new AppError('unauthenticated');
    const actor = actorFor(call, call.actor);
    const trace = emptyTrace(call);
    const effects: (() => void)[] = [];
    const elsewhere = createElsewhere();
    try {
      const answer = await fair.run(call, actor, (turn) =>
        elsewhere.run(() =>
          ports.database.asTenant(
            { userId: actor.userId, organizationIds: scopeOf(call, actor) },
            (tx) => runInside({ binding, call, actor, ports, tx, trace, effects, turn, fair, elsewhere }),
            { readOnly: !writes(call) && !isLetIn(actor), signal: call.signal },
          ),
        ),
      );
      for (const effect of effects) effect();
      return answer;
    } catch (cause) {
      const withheld = await withheldTarget(ports, { call, actor, error: cause });
      const error = withheld ? secondFactorRequired(withheld) : cause;
      if (withheld) trace.organizationId = withheld.organizationId;
      await recordRefusal(ports, { call, actor, trace, error });
      throw error;
    }
  };
}

/** What can be done with an organization that is being deleted. */
const stillAllowed: ReadonlySet<string> = new Set([
  'organization.get',
  'organization.delete',
  'organization.restore',
  'organization.leave',
]);

interface Run {
  binding: Binding;
  call: OperationCall;
  actor: Actor;
  ports: Ports;
  tx: Tx;
  trace: Trace;
  effects: (() => void)[];
  turn: OwnTurn;
  fair: FairRequests;
  elsewhere: Elsewhere;
}

async function runInside(begun: Run): Promise<OperationAnswer> {
  const { call, tx, trace, ports } = begun;
  // The database repeats a transaction that lost a deadlock: nothing of the first attempt may stay.
  begun.effects.length = 0;
  trace.facts = {};
  const { target, actor } = await resolveAndDecide(begun);
  const run = { ...begun, actor };
  const stored = await findOrReserveAnswer(tx, call, actor);
  if (stored) return { ...stored, replayed: true };
  if (writes(call) && call.operation.conditional) requireRevision(call.ifMatch, target?.generation ?? null);
  const context = target ? contextOn(run, target) : contextOf(run);
  const result = await run.binding.run(context, {
    params: call.params,
    query: call.query,
    body: call.body,
  });
  if (changes(call) && !target) await holdStanding(tx, { call, actor });
  const answer: OperationAnswer = {
    ...result,
    ...(call.operation.conditional && { etag: etagOf(result.data) }),
    ...(result.stream && { stream: { ...result.stream, mayGoOn: () => requireStill(call, target) } }),
  };
  await storeAnswer(tx, { call, actor, answer });
  // Last: then it travels with the commit.
  const nowMs = ports.clock.now();
  if (writes(call) || trace.grantId !== null)
    await recordOutcome(tx, { call, actor, trace, data: result.data, nowMs });
  else if (call.operation.access.kind === 'authenticated') await recordLook(tx, { call, actor, nowMs });
  return answer;
}

/** The actor is in some organization by a grant: there, looking is recorded too. */
function isLetIn(actor: Actor): boolean {
  return actor.memberships.some((membership) => membership.grant);
}

function emptyTrace({ operation }: OperationCall): Trace {
  return { organizationId: null, workspaceId: null, grantId: null, target: operation.path, facts: {} };
}

/** Reads of which the log must know write that one entry. */
function writes(call: OperationCall): boolean {
  return changes(call) || call.operation.recorded === true;
}

function changes({ operation }: OperationCall): boolean {
  return operation.method !== 'GET';
}

/** What the call is about, and the actor as they are once it is theirs to change. */
interface Decided {
  target: ResolvedTarget | null;
  actor: Actor;
}

async function resolveAndDecide(run: Run): Promise<Decided> {
  const { call, tx, trace, actor } = run;
  const { access } = call.operation;
  if (!tokenMayCall(actor, call.operation)) {
    throw new AppError('forbidden', { message: 'The scope of this API token does not allow this.' });
  }
  if (access.kind === 'platform') {
    // Before anything is looked up: whoever may not manage the platform learns nothing of it.
    if (call.params['id'] !== undefined) trace.target = `${call.operation.target}/${call.params['id']}`;
    if (!decide(actor, access.action, placeOf(null)).allowed) throw new AppError('forbidden');
    return { target: null, actor };
  }
  if (access.kind !== 'action') return { target: null, actor };
  // Before it waits for a lock: who waits has a connection.
  if (locks(call)) run.turn.of(await organizationOf(tx, call, actor));
  const found = await resolveTarget(tx, call, actor);
  run.turn.of(found.organizationId);
  if (!changes(call)) return decideOn(run, access.action, found);
  const held = await holdRights(tx, { call, actor, nowMs: run.ports.clock.now() }, found);
  return decideOn({ ...run, actor: held.actor }, access.action, held.target);
}

async function decideOn(run: Run, action: Action, target: ResolvedTarget): Promise<Decided> {
  const { call, trace, actor } = run;
  const place = placeOf(target);
  const decision = decide(actor, action, place);
  if (!decision.allowed && decision.reason === 'invisible') throw new AppError('not_found');
  Object.assign(trace, place);
  trace.grantId = membershipIn(actor, target.organizationId)?.grant?.id ?? null;
  trace.target = `${target.kind}/${target.id}`;
  if (!decision.allowed && !(await mayDespiteRole(run, target))) throw new AppError('forbidden');
  // Not before: who may not make it takes nothing from those who may.
  await countFor(run, target);
  if (target.leaving && !stillAllowed.has(call.operation.id)) {
    throw new AppError('conflict', {
      message: 'This organization is being deleted.',
      details: { howTo: `hks organization restore ${target.id}` },
    });
  }
  return { target, actor };
}

async function countFor({ call, elsewhere }: Run, { organizationId }: ResolvedTarget): Promise<void> {
  const { countFor: counting } = call;
  if (!counting) return;
  const later = () => counting.later(organizationId);
  await elsewhere.ask('count', later, () => counting.now(organizationId) || undefined);
}

/** What somebody was given inside the target may allow what their role does not; to nobody who came by a token or a grant. */
async function mayDespiteRole(run: Run, target: ResolvedTarget): Promise<boolean> {
  const { binding, call, actor } = run;
  if (!binding.mayDespiteRole || actor.token || run.trace.grantId !== null) return false;
  if (changes(call)) await holdGroups(run.tx, target.organizationId, actor.userId);
  return binding.mayDespiteRole(contextOn(run, target), {
    params: call.params,
    query: call.query,
    body: call.body,
  });
}

function contextOf(run: Run): Context {
  return {
    tx: run.tx,
    ports: run.ports,
    actor: run.actor,
    requestId: run.call.requestId,
    nowMs: run.ports.clock.now(),
    signal: run.call.signal,
    note: (facts) => Object.assign(run.trace.facts, facts),
    recordIn: (organizationId, about) => Object.assign(run.trace, { organizationId, target: about }),
    afterCommit: (effect) => run.effects.push(effect),
    elsewhere: run.elsewhere.ask,
    inTurn: (organizationId, piece) => run.fair.runHeavy(organizationId, piece),
  };
}

/** The context of an operation on something. */
function contextOn(run: Run, target: ResolvedTarget): TargetContext {
  const role = membershipIn(run.actor, target.organizationId)?.role;
  if (!role) throw new AppError('not_found');
  return { ...contextOf(run), target, role };
}
