import type { AnswerStream } from '@hexabase/contract/call.ts';
import type { Operation } from '@hexabase/contract/operation.ts';
import type { Body, Output, PathParams, Query } from '@hexabase/contract/types.ts';
import type { Actor, OrganizationRole } from '@hexabase/kernel/actor.ts';
import type { OrganizationId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import type { Elsewhere } from './turns/elsewhere.ts';
import type { Ports } from './ports.ts';

/** What every use case is given. Its transaction sees the actor's organizations only. */
export interface Context {
  tx: Tx;
  ports: Ports;
  actor: Actor;
  requestId: string;
  nowMs: number;
  signal: AbortSignal;
  /** Adds facts to the audit entry of this request; never secrets. */
  note(facts: Record<string, unknown>): void;
  /** Puts the audit entry into the log of this organization, for requests that have no target. */
  recordIn(organizationId: OrganizationId, target: string): void;
  /** Runs after the commit, and not at all when there is none. */
  afterCommit(run: () => void): void;
  /**
   * Asks something that takes a connection of its own, or a cluster: nothing may wait for those inside the transaction, which
   * begins again with the answer. See `turns/elsewhere.ts`.
   */
  elsewhere: Elsewhere['ask'];
  /** One piece of a long answer, after this transaction: an organization has few of them at once. Throws `rate_limited`. */
  inTurn<T>(organizationId: OrganizationId, piece: () => Promise<T>): Promise<T>;
}

/** The context of operations on something: it exists, the actor may do this to it, and on writes its row is locked. */
export interface TargetContext extends Context {
  target: ResolvedTarget;
  role: OrganizationRole;
}

export interface ResolvedTarget {
  /** `organization`, `workspace`, `operation`; for operations without a target the organization that they fall to. */
  kind: 'organization' | 'workspace' | 'operation';
  id: string;
  organizationId: OrganizationId;
  /** Of an operation: the workspace that it works on. */
  workspaceId?: string | null;
  /** Compared with If-Match. */
  generation: number | null;
  /** The organization itself is being deleted: it can be looked at and restored, nothing else. */
  leaving: boolean;
}

export type ContextOf<Op extends Operation> = Op extends { access: { kind: 'action' } }
  ? TargetContext
  : Context;

export interface Input<Op extends Operation> {
  params: PathParams<Op['path']>;
  query: Query<Op>;
  body: Body<Op>;
}

/** `total` is asked of lists only, and a stream of raw operations. */
export type Result<Op extends Operation> = Op extends { paged: true }
  ? { data: Output<Op>; total: number; totalIsMinimum?: boolean }
  : Op extends { raw: readonly string[] }
    ? { data: null; stream: AnswerStream }
    : { data: Output<Op> };

export type UseCase<Op extends Operation> = (context: ContextOf<Op>, input: Input<Op>) => Promise<Result<Op>>;

/** A use case whose types were checked when it was bound. */
export interface Binding {
  operation: Operation;
  /**
   * For whoever is in the organization with a role that does not allow the operation: whether something that they were
   * given inside it does. Absent: nothing does. Never asked for API tokens and for operators who were let in.
   */
  mayDespiteRole?(context: TargetContext, input: UncheckedInput): Promise<boolean>;
  run(
    context: Context | TargetContext,
    input: UncheckedInput,
  ): Promise<{ data: unknown; total?: number; totalIsMinimum?: boolean; stream?: AnswerStream }>;
}

export interface UncheckedInput {
  params: unknown;
  query: unknown;
  body: unknown;
}

/** Ties an operation to the use case that does it; the compiler checks that they fit. */
export function bind<const Op extends Operation>(
  operation: Op,
  useCase: UseCase<Op>,
  mayDespiteRole?: (context: TargetContext, input: Input<Op>) => Promise<boolean>,
): Binding {
  return {
    operation,
    // The contract's schemas have parsed the input, and `execute` resolves a target for every operation with an action.
    run: (context, input) => useCase(context as ContextOf<Op>, input as Input<Op>),
    ...(mayDespiteRole && {
      mayDespiteRole: (context: TargetContext, input: UncheckedInput) =>
        mayDespiteRole(context, input as Input<Op>),
    }),
  };
}

/** One noun of the product, as the process mounts it. */
export interface Feature {
  noun: string;
  bindings: readonly Binding[];
}
