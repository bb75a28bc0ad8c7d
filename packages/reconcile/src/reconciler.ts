import type { Condition, ConditionInput } from '@hexabase/kernel/conditions.ts';
import type { Tx } from '@hexabase/postgres/database.ts';

/** What the engine must know of a thing it reconciles; the rest is the reconciler's own. */
export interface Subject {
  id: string;
  organizationId: string;
  generation: number;
  observedGeneration: number;
  conditions: readonly Condition[];
  /** The operation that a person waits for; null when the work is only drift repair. */
  operationId: string | null;
}

/**
 * Brings one kind of thing from what people asked for to what is. The engine calls it for a key whenever something may
 * have changed, and for every key now and then: a wake-up carries no content.
 */
export interface Reconciler<S extends Subject> {
  kind: string;
  /**
   * The largest part of a worker's places that this kind may have at the same time, above 0 and below 1; all of them when absent.
   * For work that takes as long as somebody else's cluster likes: whoever makes it slow slows down nothing of another kind.
   */
  share?: number;
  /** All that `workflowFor` may answer: tests walk through every step of them. */
  workflows: readonly Workflow<S>[];
  /** Null when there is no such thing any more: the key is then forgotten. */
  load(tx: Tx, key: string): Promise<S | null>;
  /**
   * What to do with it now; null when nothing is to be done until somebody changes it. `asked` tells that an operation
   * waits for it; otherwise it is drift repair.
   */
  workflowFor(subject: S, asked: boolean): Workflow<S> | null;
  /** Writes conditions, phase and progress. The only writer of them. Must refuse a fence lower than the row's. */
  save(tx: Tx, subject: S, status: StatusWrite): Promise<void>;
  /** All living keys, for the slow resync that makes lost wake-ups harmless. */
  keys(tx: Tx): Promise<string[]>;
}

export interface StatusWrite {
  fence: number;
  observedGeneration: number;
  conditions: readonly Condition[];
  progress: Progress | null;
}

export interface Progress {
  step: number;
  steps: number;
  message: string;
}

export interface Workflow<S extends Subject> {
  /** `create`, `update`, `delete` … */
  name: string;
  steps: readonly Step<S>[];
  /** For people, when all is done: 'The workspace is ready'. */
  doneWords: string;
  /** True for a removal: when the last step is done, the key is forgotten and the operation gets a report. */
  removes?: boolean;
  /** What `Ready` says when all is done; True when absent. For work whose end is that nothing answers any more. */
  ready?: Pick<ConditionInput, 'status' | 'reason'>;
}

/**
 * One small thing to do, safe to repeat: it looks first and changes only what differs. A crash may come before it, in it,
 * or after it and before the engine has noted that it is done.
 */
export interface Step<S extends Subject> {
  name: string;
  /** For people who watch: 'Starting the Kubernetes API'. */
  words: string;
  /** Of one try; its signal aborts then. */
  timeoutMs: number;
  /** External things that exist once this has run: noted before it runs, so that nothing is made unrecorded. */
  makes?(subject: S): readonly ExternalThing[] | Promise<readonly ExternalThing[]>;
  /** The effect outside the database. Leave it out for a step that only decides or writes rows. */
  run?(context: StepContext<S>): Promise<StepResult>;
  /** True when `run` only looks: then nothing needs to be noted before it. */
  looks?: boolean;
  /** For a step that needs nothing but the subject. */
  decide?(subject: S): StepResult;
  /** Rows to write in the same transaction that notes the step as done. */
  commit?(tx: Tx, context: CommitContext<S>): Promise<void>;
}

export interface StepContext<S extends Subject> {
  subject: S;
  fence: number;
  signal: AbortSignal;
}

export interface CommitContext<S extends Subject> {
  subject: S;
  fence: number;
  /** False in drift repair: nobody waits, nothing was asked for. */
  asked: boolean;
}

/** `{ cluster: 'embedded', kind: 'kubernetes-cluster', key: 'ws-…' }`: unique in the whole installation. */
export interface ExternalThing {
  cluster: string;
  kind: string;
  key: string;
}

/**
 * Part of the report of a removal. What several steps removed or looked through adds up; `left` is as of now, and what was
 * left before and is not any more counts as removed. A step that says nothing of `left` changes nothing there.
 */
export interface ReportPart {
  removed?: readonly ReportItem[];
  left?: readonly ReportItem[];
  /** What was looked through for leftovers, in words. */
  checked?: readonly string[];
}

export interface ReportItem {
  kind: string;
  key: string;
  /** Of what is left: what it waits for, in words. */
  why?: string;
}

export type StepResult =
  | {
      kind: 'done';
      /** For people who follow the operation: what it did not do, and why it is done all the same. */
      said?: string;
      conditions?: readonly ConditionInput[];
      /** Things that are proven to be gone; they leave the inventory and enter the report. `all` of the subject's. */
      released?: readonly ExternalThing[] | 'all';
      report?: ReportPart;
      /** Rows that follow from what was seen, written with it. */
      write?(tx: Tx): Promise<void>;
    }
  | {
      kind: 'wait';
      requeueAfterMs: number;
      condition: ConditionInput;
      /** Further ones. */
      conditions?: readonly ConditionInput[];
      report?: ReportPart;
      write?(tx: Tx): Promise<void>;
    }
  | {
      kind: 'failed';
      terminal: boolean;
      condition: ConditionInput;
      /** Nobody could look: then it is not known to be out of order, and not said to be. */
      blind?: boolean;
      /** Whoever was asked wants not to be asked again sooner; null and absent for the usual pause. */
      retryAfterMs?: number | null;
      /** Rows that follow, for example the way back; written with the failure. */
      write?(tx: Tx): Promise<void>;
    };

export const done: StepResult = { kind: 'done' };

/** What is there outside once every step of the workflow has run. */
export async function thingsMadeBy<S extends Subject>(work: {
  workflow: Workflow<S>;
  subject: S;
}): Promise<ExternalThing[]> {
  const made = work.workflow.steps.map((step) => step.makes?.(work.subject) ?? []);
  return (await Promise.all(made)).flat();
}

/** The text by which inventory and operations name a subject. */
export function subjectName(kind: string, id: string): string {
  return `${kind}/${id}`;
}
