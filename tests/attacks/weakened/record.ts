import { hash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bite } from './bite.ts';
import type { Weakening } from './weakening.ts';

/** What a run has shown of one attack. */
interface Shown {
  bites: boolean;
  said: string;
  /** Day of the run. */
  on: string;
  /** Of the changes that were made then. */
  changes: string;
}

type Shownings = Record<string, Shown>;

const path = join(import.meta.dirname, 'record.json');

/** What the last run of this very weakening has shown; null when there was none since it was written or changed. */
export function lastShown({ attack, changes }: Weakening): Shown | null {
  const shown = read()[attack];
  return shown?.changes === digestOf(changes) ? shown : null;
}

/** Keeps what a run has shown beside what earlier ones have; forgets attacks that are not among `all` any more. */
export function keepShown(bites: readonly Bite[], all: readonly Weakening[]): void {
  const known = read();
  const on = new Date().toISOString().slice(0, 10);
  for (const { weakening, bites: bit, said } of bites)
    known[weakening.attack] = { bites: bit, said, on, changes: digestOf(weakening.changes) };
  const kept = all.flatMap(({ attack }): [string, Shown][] =>
    known[attack] ? [[attack, known[attack]]] : [],
  );
  writeFileSync(path, `${JSON.stringify(Object.fromEntries(kept), null, 2)}\n`);
}

function read(): Shownings {
  const kept: Shownings = JSON.parse(readFileSync(path, 'utf8'));
  return kept;
}

function digestOf(changes: Weakening['changes']): string {
  return hash('sha256', JSON.stringify(changes), 'base64url').slice(0, 12);
}
