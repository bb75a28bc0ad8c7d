/** What one request asks of others than its own transaction: of a cluster, of another role of the database. */
export interface Elsewhere {
  /**
   * The answer, which is asked for once per request. Where it takes waiting, the transaction ends here without a trace, asks
   * without holding a connection or a lock, and begins again: everything before this call is run once more. `name` is one
   * per question of a use case. `atOnce`: the answer where it is known without waiting, else undefined.
   */
  ask<T>(name: string, ask: () => Promise<T>, atOnce?: () => T | undefined): Promise<T>;
  /** Runs the transaction, once more after each question that it has. */
  run<T>(transaction: () => Promise<T>): Promise<T>;
}

/** Not for people: it ends a transaction that has a question. */
class Question extends Error {
  readonly answer: () => Promise<void>;
  constructor(answer: () => Promise<void>) {
    super('the transaction begins again with an answer from elsewhere');
    this.answer = answer;
  }
}

/** For one request. */
export function createElsewhere(): Elsewhere {
  const answers = new Map<string, unknown>();
  return {
    async ask<T>(name: string, ask: () => Promise<T>, atOnce?: () => T | undefined): Promise<T> {
      // Under this name there is what the same call of the same use case was answered.
      if (answers.has(name)) return answers.get(name) as T;
      const known = atOnce?.();
      if (known === undefined) throw new Question(async () => void answers.set(name, await ask()));
      answers.set(name, known);
      return known;
    },
    async run(transaction) {
      for (;;) {
        try {
          return await transaction();
        } catch (error) {
          if (!(error instanceof Question)) throw error;
          await error.answer();
        }
      }
    },
  };
}
