/** Known at the same time; of more the one that was slow longest ago is forgotten. */
const knownMax = 1_000;

/**
 * Keys whose last run took long, whatever made it: a webhook of a tenant, a host cluster that hardly answers. They may have half
 * of a worker's places, so that whoever has many of them keeps nobody else waiting. Those of which nobody knows it yet have any.
 */
export class SlowKeys {
  readonly #most: number;
  readonly #slowMs: number;
  readonly #known = new Set<string>();
  readonly #running = new Set<string>();

  constructor(places: number, slowMs: number) {
    this.#most = Math.max(1, Math.floor(places / 2));
    this.#slowMs = slowMs;
  }

  /** Which keys may not be begun now, and how many of any may be at once. */
  bounds(): { without: readonly string[]; most: number } {
    if (this.#known.size === 0) return { without: [], most: Infinity };
    const left = this.#most - this.#running.size;
    return left > 0 ? { without: [], most: left } : { without: [...this.#known], most: Infinity };
  }

  begin(key: string): void {
    if (this.#known.has(key)) this.#running.add(key);
  }

  /** True when slow ones had all of their places until now. */
  end(key: string, durationMs: number): boolean {
    const hadAll = this.#running.size >= this.#most;
    const wasCounted = this.#running.delete(key);
    this.#known.delete(key);
    if (durationMs >= this.#slowMs) this.#known.add(key);
    const [oldest] = this.#known;
    if (this.#known.size > knownMax && oldest !== undefined) this.#known.delete(oldest);
    return hadAll && wasCounted;
  }
}
