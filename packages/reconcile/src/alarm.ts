/**
 * Rings at each time that was asked for, and never later than `msMax` after the last ring or question: what is further
 * away needs no timer of its own, and can never keep the next look from coming. Monotonic; all times in milliseconds.
 */
export class Alarm implements Disposable {
  readonly #msMax: number;
  readonly #ring: () => void;
  /** The times still to come. */
  #timesMs: number[] = [];
  #timer: NodeJS.Timeout | null = null;
  #off = false;

  constructor(msMax: number, ring: () => void) {
    this.#msMax = msMax;
    this.#ring = ring;
  }

  ringIn(delayMs: number): void {
    const nowMs = performance.now();
    const isSoon = this.#timesMs.some((timeMs) => timeMs <= nowMs + this.#msMax);
    if (delayMs < this.#msMax || !isSoon) this.#timesMs.push(nowMs + Math.min(delayMs, this.#msMax));
    this.#set(nowMs);
  }

  [Symbol.dispose](): void {
    this.#off = true;
    if (this.#timer) clearTimeout(this.#timer);
  }

  #set(nowMs: number): void {
    if (this.#timer) clearTimeout(this.#timer);
    if (this.#off || this.#timesMs.length === 0) return;
    this.#timer = setTimeout(() => this.#due(), Math.max(0, Math.min(...this.#timesMs) - nowMs) + 1);
  }

  #due(): void {
    const nowMs = performance.now();
    this.#timesMs = this.#timesMs.filter((timeMs) => timeMs > nowMs);
    this.#set(nowMs);
    this.#ring();
  }
}
