/** One line of a table: a goal, and what was measured. */
export interface Row {
  what: string;
  goal: string;
  measured: string;
  /** Null without a goal. */
  met: boolean | null;
}

/** What a benchmark prints last, as one line of JSON. */
export interface Report {
  title: string;
  /** How it was measured, for who reads the table. */
  how: string;
  rows: Row[];
  /** What the table cannot say, for example where the time goes; each a paragraph. */
  notes?: string[];
  details: Record<string, unknown>;
}

/** A row whose value must not be above the goal. */
export function atMost(what: string, goal: { value: number; unit: string }, value: number): Row {
  return {
    what,
    goal: `≤ ${goal.value} ${goal.unit}`,
    measured: `${short(value)} ${goal.unit}`,
    met: value <= goal.value,
  };
}

/** A row whose value must not be below the goal. */
export function atLeast(what: string, goal: { value: number; unit: string }, value: number): Row {
  return {
    what,
    goal: `≥ ${goal.value} ${goal.unit}`,
    measured: `${short(value)} ${goal.unit}`,
    met: value >= goal.value,
  };
}

/** A row that tells something which no goal is set for. */
export function withoutGoal(what: string, measured: string): Row {
  return { what, goal: '–', measured, met: null };
}

export function print(report: Report): void {
  console.log(JSON.stringify(report));
}

/** Three significant digits, and no fraction above 100. */
export function short(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
