import type { Claim } from '../queue.ts';

/** Known at the same time; of more the one that was slow longest ago is forgotten. */
const knownMax = 1_000;

type Key = Pick<Claim, 'kind' | 'key'>;

/** As `claimDue` leaves it out. */
function nameOf({ kind, key }: Key): string {
  return `${kind}/${key}`;
}

/**
 * Keys whose last run took long, whatever made it: a webhook of a tenant, a host cluster that hardly answers. They may have half
 * of a worker's places, and half of those of their kind, so that whoever has many of them keeps nobody else waiting. Those of which
 * nobody knows it yet have any.
 */
export class SlowKeys {
  readonly #most: number;
  readonly #mostOfKind: ReadonlyMap<string, number>;
  readonly #slowMs: number;
  /** By name. */
  readonly #known = new Map<string, Key>();
  readonly #running = new Map<string, Key>();

  constructor(places: { all: number; ofKind: ReadonlyMap<string, number> }, slowMs: number) {
    this.#most = half(places.all);
    this.#mostOfKind = new Map([...places.ofKind].map(([kind, own]) => [kind, half(own)]));
    this.#slowMs = slowMs;
  }

  /** Which keys may not be begun now, and how many of any may be at once. */
  bounds(): { without: string[]; most: number } {
    const kinds = new Set([...this.#known.values()].map(({ kind }) => kind));
    const left = new Map([...kinds].map((kind) => [kind, this.#left(kind)]));
    const without = [...this.#known].filter(([, { kind }]) => (left.get(kind) ?? 0) <= 0);
    const open = [...left.values()].filter((count) => count > 0);
    return { without: without.map(([name]) => name), most: Math.min(Infinity, ...open) };
  }

  begin(key: Key): void {
    const name = nameOf(key);
    if (this.#known.has(name)) this.#running.set(name, key);
  }

  /** True when slow ones, or those of its kind, had all of their places until now. */
  end(key: Key, durationMs: number): boolean {
    const name = nameOf(key);
    const hadAll = this.#left(key.kind) <= 0;
    const wasCounted = this.#running.delete(name);
    this.#known.delete(name);
    if (durationMs >= this.#slowMs) this.#known.set(name, { kind: key.kind, key: key.key });
    const [oldest] = this.#known.keys();
    if (this.#known.size > knownMax && oldest !== undefined) this.#known.delete(oldest);
    return hadAll && wasCounted;
  }

  #left(kind: string): number {
    const ofKind = [...this.#running.values()].filter((one) => one.kind === kind).length;
    const own = (this.#mostOfKind.get(kind) ?? this.#most) - ofKind;
    return Math.min(own, this.#most - this.#running.size);
  }
}

function half(places: number): number {
  return Math.max(1, Math.floor(places / 2));
}
