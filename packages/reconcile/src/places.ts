import type { Registration } from './registration.ts';

/** How many keys of each kind a worker works on at the same time, against how many it may. */
export class Places {
  readonly #most: Map<string, number>;
  readonly #taken = new Map<string, number>();
  readonly #all: number;

  constructor(registrations: readonly Pick<Registration, 'kind' | 'share'>[], all: number) {
    this.#all = all;
    this.#most = new Map(
      registrations.map(({ kind, share }) => [kind, Math.max(1, Math.floor(all * share))]),
    );
  }

  /** Kinds that may have another one, and how many keys can be begun without that any of them gets too many. */
  free(most: number): { kinds: string[]; limit: number } {
    const left = [...this.#most].map(([kind, own]) => ({
      kind,
      // A kind that may have all places is bounded by `most` alone.
      count: own >= this.#all ? most : own - this.#of(kind),
    }));
    const open = left.filter(({ count }) => count > 0);
    return {
      kinds: open.map(({ kind }) => kind),
      limit: Math.min(most, ...open.map(({ count }) => count)),
    };
  }

  take(kind: string): void {
    this.#taken.set(kind, this.#of(kind) + 1);
  }

  /** True when the kind had all of its places until now: keys of it may be due that nobody has asked for. */
  giveBack(kind: string): boolean {
    const taken = this.#of(kind);
    this.#taken.set(kind, taken - 1);
    return taken === this.#most.get(kind);
  }

  #of(kind: string): number {
    return this.#taken.get(kind) ?? 0;
  }
}
