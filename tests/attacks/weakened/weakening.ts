/** One check of the product taken away, and the attack that must then succeed. */
export interface Weakening {
  /** The whole name of the test that must fail, as written there. */
  attack: string;
  /** What is put in the place of the check when the file is loaded. More than one where a second lock stands behind it. */
  changes: readonly Change[];
  /** What the attacker then gets. */
  because: string;
  /** The test waits for an end that does not come: running out of time is its failure. */
  hangs?: true;
}

export interface Change {
  /** From the checkout's root. */
  file: string;
  /** Occurs exactly once in the file. */
  find: string;
  replace: string;
}
