import { AppError, isAppError } from '@hexabase/kernel/errors.ts';
import {
  findCondition,
  setCondition,
  type Condition,
  type ConditionInput,
} from '@hexabase/kernel/conditions.ts';
import type { Clock } from '@hexabase/kernel/clock.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import { retryAfterMsOf } from '@hexabase/kernel/retry-after.ts';
import type { Database, Tx } from '@hexabase/postgres/database.ts';
import { failuresBeforeStalled } from './backoff.ts';
import { goneOn, startedAfresh } from './fresh-start.ts';
import type { Boundary, BoundaryHook, EngineObserver } from './hooks.ts';
import type { Claim } from './queue.ts';
import {
  done,
  thingsMadeBy,
  type ExternalThing,
  type Progress,
  type Reconciler,
  type ReportPart,
  type Step,
  type StepResult,
  type Subject,
  type Workflow,
} from './reconciler.ts';
import { mergedReport } from './report.ts';
import {
  LeaseLostError,
  NotOursError,
  writeNote,
  type Note,
  type OperationLog,
  type StepEvent,
} from './step-log.ts';

export interface RunTools {
  database: Database;
  clock: Clock;
  log: Logger;
  observer: EngineObserver;
  boundary: BoundaryHook | undefined;
}

export interface Run<S extends Subject> {
  reconciler: Reconciler<S>;
  workflow: Workflow<S>;
  subject: S;
  claim: Claim;
  operation: OperationLog | null;
  /** Aborts when the lease is lost. */
  signal: AbortSignal;
}

export type WorkflowEnd =
  | { kind: 'settled' }
  | { kind: 'removed' }
  | { kind: 'waiting'; afterMs: number }
  | {
      kind: 'failed';
      terminal: boolean;
      error: string;
      failures: number;
      /** Not sooner than this, as whoever was asked wants it; null when nobody said so. */
      retryAfterMs: number | null;
    };

/** A thing that is not ready after this long is stalled: it stays as it is and somebody should look. */
const waitMsMax = 20 * 60_000;
const goodEnds = Object.entries({ Stalled: 'False', Synced: 'True' } as const);

/**
 * Runs the steps that are not done yet, in order, until one must wait or fails. Without a running operation it is drift
 * repair: every step looks again, what it makes is noted once at the beginning, and no step events are written.
 * Throws `LeaseLostError` when another worker took over.
 */
export async function runWorkflow<S extends Subject>(tools: RunTools, run: Run<S>): Promise<WorkflowEnd> {
  const journal = new Journal(tools, run);
  if (!run.operation) await journal.write({ makes: await thingsMadeBy(run) });
  for (const [index, step] of run.workflow.steps.entries()) {
    if (run.operation?.done.has(step.name)) continue;
    const result = await journal.attempt(step, index);
    if (result.kind === 'wait') return journal.waiting(step, result);
    if (result.kind === 'failed') return journal.failed(step, result);
  }
  await journal.finished();
  return run.workflow.removes ? { kind: 'removed' } : { kind: 'settled' };
}

/** What happened and is not yet written: a step's end is written together with the beginning of the next one. */
class Journal<S extends Subject> {
  #conditions: Condition[];
  #events: StepEvent[] = [];
  #released: ExternalThing[] = [];
  #allReleased = false;
  #reports: ReportPart[] = [];
  #ended: Step<S>[] = [];
  #writes: ((tx: Tx) => Promise<void>)[] = [];
  #progress: Progress | null = null;
  #progressed = false;
  readonly #tools: RunTools;
  readonly #run: Run<S>;

  constructor(tools: RunTools, run: Run<S>) {
    this.#tools = tools;
    this.#run = run;
    this.#conditions = startedAfresh(run.subject, new Date(tools.clock.now()).toISOString());
  }

  async attempt(step: Step<S>, index: number): Promise<StepResult> {
    const { operation, workflow, claim, subject } = this.#run;
    const startedMs = performance.now();
    const attempt = (operation?.attempts.get(step.name) ?? 0) + 1;
    operation?.attempts.set(step.name, attempt);
    let result: StepResult;
    try {
      await this.#at('before-intent', step);
      this.#events.push({ step: step.name, attempt, kind: 'intent', message: step.words });
      if (step.run && !step.looks && operation) {
        this.#progress = { step: index + 1, steps: workflow.steps.length, message: step.words };
        await this.write({ makes: (await step.makes?.(subject)) ?? [] });
      }
      await this.#at('after-intent', step);
      result = step.run ? await this.#effect(step) : (step.decide?.(subject) ?? done);
      await this.#at('after-effect', step);
    } catch (error) {
      result = this.#failure(step, error);
    }
    const durationMs = performance.now() - startedMs;
    this.#tools.observer.stepEnded?.({
      kind: claim.kind,
      workflow: workflow.name,
      step: step.name,
      outcome: result.kind,
      durationMs,
    });
    if (result.kind !== 'failed' && result.report) this.#reports.push(result.report);
    if (result.kind !== 'done') return result;
    this.#events.push({ step: step.name, attempt, kind: 'done', message: result.said ?? '' });
    if (result.released === 'all') this.#allReleased = true;
    else this.#released.push(...(result.released ?? []));
    this.#ended.push(step);
    if (operation) this.#goOn();
    if (operation) this.#progressed = true;
    if (result.write) this.#writes.push(result.write);
    for (const condition of result.conditions ?? []) this.#set(condition);
    return result;
  }

  async waiting(step: Step<S>, result: StepResult & { kind: 'wait' }): Promise<WorkflowEnd> {
    const { operation } = this.#run;
    const late = operation !== null && this.#tools.clock.now() - operation.createdAt.getTime() > waitMsMax;
    // Drift repair that waits has shown nothing yet: what was given up stays so.
    if (operation || findCondition(this.#conditions, 'Stalled')?.status !== 'True') this.#goOn();
    this.#set(result.condition);
    for (const condition of result.conditions ?? []) this.#set(condition);
    if (result.write) this.#writes.push(result.write);
    if (late) {
      const condition = { ...result.condition, reason: 'TookTooLong' };
      return this.failed(step, { kind: 'failed', terminal: false, condition });
    }
    await this.write({});
    return { kind: 'waiting', afterMs: result.requeueAfterMs };
  }

  async failed(step: Step<S>, result: StepResult & { kind: 'failed' }): Promise<WorkflowEnd> {
    const { claim, operation, workflow } = this.#run;
    const { condition, terminal } = result;
    // A step that was done since the last failure shows that things go on: counting starts anew.
    const failures = this.#progressed ? 1 : claim.attempts + 1;
    const stalled = terminal || failures >= failuresBeforeStalled;
    const attempt = operation?.attempts.get(step.name) ?? 1;
    this.#events.push({ step: step.name, attempt, kind: 'failed', message: condition.message });
    this.#set(condition);
    if (stalled) this.#set({ ...condition, type: 'Stalled', status: 'True' });
    if (stalled || failures >= 3)
      this.#set({ ...condition, type: 'Ready', status: result.blind ? 'Unknown' : 'False' });
    if (result.write) this.#writes.push(result.write);
    const state = workflow.removes ? 'stuck' : 'failed';
    await this.write({ end: stalled ? { state, message: condition.message } : null });
    const { retryAfterMs = null } = result;
    return { kind: 'failed', terminal, error: condition.message, failures, retryAfterMs };
  }

  async finished(): Promise<void> {
    const { workflow } = this.#run;
    const ready = workflow.ready ?? { status: 'True', reason: 'AllStepsDone' };
    this.#set({ type: 'Ready', ...ready, message: workflow.doneWords });
    for (const [type, status] of goodEnds)
      if (findCondition(this.#conditions, type))
        this.#set({ type, status, reason: 'AllStepsDone', message: '' });
    await this.write({ end: { state: 'succeeded', message: workflow.doneWords }, settled: true });
  }

  /** One transaction: the ended steps' rows, their events, the next intent, conditions and progress. */
  async write(next: Partial<Pick<Note, 'makes' | 'end'>> & { settled?: boolean }): Promise<void> {
    const { claim, subject, operation, reconciler, workflow } = this.#run;
    const ended = this.#ended;
    const writes = this.#writes;
    const note = {
      makes: [],
      end: null,
      ...next,
      progress: this.#progress,
      events: this.#events,
      released: this.#released,
      allReleased: this.#allReleased,
      report: mergedReport(this.#reports),
    };
    this.#events = [];
    this.#released = [];
    this.#allReleased = false;
    this.#reports = [];
    this.#ended = [];
    this.#writes = [];
    const gone = workflow.removes === true && next.end?.state === 'succeeded';
    await this.#tools.database.asWorker(async (tx) => {
      await writeNote(tx, this.#run, {
        ...note,
        removes: workflow.removes === true,
        operationId: operation?.id ?? null,
      });
      for (const step of ended)
        await step.commit?.(tx, { subject, fence: claim.fence, asked: operation !== null });
      for (const rows of writes) await rows(tx);
      if (!gone) {
        await reconciler.save(tx, subject, {
          fence: claim.fence,
          observedGeneration: next.settled ? subject.generation : subject.observedGeneration,
          conditions: this.#conditions,
          progress: next.end ? null : this.#progress,
        });
      }
      for (const step of ended) await this.#at('before-commit', step);
    });
    for (const step of ended) await this.#at('after-commit', step);
  }

  async #effect(step: Step<S>): Promise<StepResult> {
    const { subject, claim, signal } = this.#run;
    const late = Promise.withResolvers<never>();
    const controller = new AbortController();
    const giveUp = (error: unknown) => {
      controller.abort(error);
      late.reject(error);
    };
    const lost = () => giveUp(signal.reason);
    // A timer of our own: a signal made by AbortSignal.timeout may be collected before it fires.
    const timer = setTimeout(() => giveUp(new AppError('request_timeout')), step.timeoutMs);
    signal.addEventListener('abort', lost, { once: true });
    try {
      const running = step.run?.({ subject, fence: claim.fence, signal: controller.signal });
      return (await Promise.race([running, late.promise])) ?? done;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', lost);
    }
  }

  /** Only errors made for people are shown to people. */
  #failure(step: Step<S>, error: unknown): StepResult {
    const { claim, signal } = this.#run;
    if (error instanceof LeaseLostError || signal.aborted)
      throw new LeaseLostError(`${claim.kind}/${claim.key}`);
    if (isAppError(error, 'database_unavailable') || isAppError(error, 'storage_full')) throw error;
    this.#tools.log.warn({ error, kind: claim.kind, key: claim.key, step: step.name }, 'a step failed');
    const notOurs = error instanceof NotOursError;
    const reason = notOurs ? 'NameTaken' : 'StepFailed';
    const message =
      notOurs || isAppError(error) ? error.message : `"${step.words}" failed; it is tried again.`;
    return {
      kind: 'failed',
      terminal: notOurs,
      condition: { type: 'Synced', status: 'False', reason, message },
      blind: isAppError(error, 'cluster_unavailable') || isAppError(error, 'request_timeout'),
      retryAfterMs: retryAfterMsOf(error),
    };
  }

  #goOn(): void {
    this.#conditions = goneOn(this.#run.subject, this.#conditions, this.#tools.clock.now());
  }

  #set(condition: ConditionInput): void {
    const at = { generation: this.#run.subject.generation, nowMs: this.#tools.clock.now() };
    this.#conditions = setCondition(this.#conditions, condition, at);
  }

  async #at(boundary: Boundary, step: Step<S>): Promise<void> {
    if (!this.#tools.boundary) return;
    const { claim, workflow } = this.#run;
    await this.#tools.boundary(boundary, {
      kind: claim.kind,
      key: claim.key,
      workflow: workflow.name,
      step: step.name,
    });
  }
}
