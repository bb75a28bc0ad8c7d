/** Points at which a crash is most likely to show a mistake. In every step they come in this order. */
export const boundaries = [
  'before-intent',
  'after-intent',
  'after-effect',
  'before-commit',
  'after-commit',
] as const;
export type Boundary = (typeof boundaries)[number];

export interface BoundaryPlace {
  kind: string;
  key: string;
  workflow: string;
  step: string;
}

/** What a test may hang on; a running product gives none. A hook that throws makes the step fail there. */
export type BoundaryHook = (boundary: Boundary, place: BoundaryPlace) => void | Promise<void>;

/** Numbers for metrics. */
export interface EngineObserver {
  stepEnded?(step: {
    kind: string;
    workflow: string;
    step: string;
    outcome: 'done' | 'wait' | 'failed';
    durationMs: number;
  }): void;
  runEnded?(run: { kind: string; outcome: RunOutcome; durationMs: number }): void;
  leaseLost?(lease: { kind: string }): void;
}

export type RunOutcome = 'settled' | 'idle' | 'waiting' | 'failed' | 'stalled' | 'gone' | 'fenced';
