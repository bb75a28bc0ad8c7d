import type { Claim } from '../queue.ts';
import type { Registration } from '../registration.ts';
import { SlowKeys } from './slow-keys.ts';

/** How many keys of each kind, and how many slow ones, a worker works on at the same time, against how many it may. */
export class Places {
  readonly #most: Map<string, number>;
  readonly #taken = new Map<string, number>();
  readonly #all: number;
  readonly #slow: SlowKeys;

  constructor(
    registrations: readonly Pick<Registration, 'kind' | 'share'>[],
    { all, slowMs }: { all: number; slowMs: number },
  ) {
    this.#all = all;
    this.#most = new Map(
      registrations.map(({ kind, share }) => [kind, Math.max(1, Math.floor(all * share))]),
    );
    this.#slow = new SlowKeys({ all, ofKind: this.#most }, slowMs);
  }

  /** Kinds that may have another one, without which keys, and how many can be begun without that any of them gets too many. */
  free(most: number): { kinds: string[]; without: readonly string[]; limit: number } {
    const slow = this.#slow.bounds();
    const left = [...this.#most].map(([kind, own]) => ({
      kind,
      // A kind that may have all places is bounded by `most` alone.
      count: own >= this.#all ? most : own - this.#of(kind),
    }));
    const open = left.filter(({ count }) => count > 0);
    return {
      kinds: open.map(({ kind }) => kind),
      without: slow.without,
      limit: Math.min(most, slow.most, ...open.map(({ count }) => count)),
    };
  }

  take(claim: Claim): void {
    this.#taken.set(claim.kind, this.#of(claim.kind) + 1);
    this.#slow.begin(claim);
  }

  /** True when its kind, or slow keys, had all of their places until now: some may be due that nobody has asked for. */
  giveBack(claim: Claim, durationMs: number): boolean {
    const taken = this.#of(claim.kind);
    this.#taken.set(claim.kind, taken - 1);
    const hadAllSlow = this.#slow.end(claim, durationMs);
    return hadAllSlow || taken === this.#most.get(claim.kind);
  }

  #of(kind: string): number {
    return this.#taken.get(kind) ?? 0;
  }
}
