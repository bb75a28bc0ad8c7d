import { claimName, renew, type Claim, type QueueUser } from './queue.ts';

/** Renewed at a third of the lease; given up at two thirds, while the lease still keeps others away. */
const renewAfterMs = 10_000;
const giveUpAfterMs = 20_000;
const checkEveryMs = 2_000;

interface Held {
  claim: Claim;
  controller: AbortController;
  /** Monotonic: the wall clock of this machine may jump. */
  renewedAtMs: number;
}

/** The keys that this worker holds; aborts the work on one when it is lost or can no longer be renewed. */
export class Leases implements Disposable {
  readonly #held = new Map<string, Held>();
  readonly #queue: QueueUser;
  readonly #lost: (claim: Claim) => void;
  #timer: NodeJS.Timeout | null = null;
  #renewing = false;

  constructor(queue: QueueUser, lost: (claim: Claim) => void) {
    this.#queue = queue;
    this.#lost = lost;
  }

  hold(claim: Claim): AbortSignal {
    const controller = new AbortController();
    this.#held.set(claimName(claim), { claim, controller, renewedAtMs: performance.now() });
    this.#timer ??= setInterval(() => this.#check(), checkEveryMs);
    return controller.signal;
  }

  drop(claim: Claim): void {
    this.#held.delete(claimName(claim));
    if (this.#held.size === 0) this[Symbol.dispose]();
  }

  abortAll(): void {
    for (const held of this.#held.values()) held.controller.abort(new Error('the worker stops'));
  }

  [Symbol.dispose](): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
  }

  #check(): void {
    const nowMs = performance.now();
    for (const [name, held] of this.#held) {
      if (nowMs - held.renewedAtMs >= giveUpAfterMs) this.#giveUp(name, held);
    }
    const oldestMs = Math.min(...[...this.#held.values()].map((held) => held.renewedAtMs));
    if (nowMs - oldestMs >= renewAfterMs && !this.#renewing) void this.#renew();
  }

  async #renew(): Promise<void> {
    this.#renewing = true;
    const askedAtMs = performance.now();
    const asked = new Map(this.#held);
    try {
      const kept = await renew(
        this.#queue,
        [...asked.values()].map((held) => held.claim),
      );
      for (const [name, held] of asked) {
        if (kept.has(name)) held.renewedAtMs = askedAtMs;
        else if (this.#held.has(name)) this.#giveUp(name, held);
      }
    } catch {
      // The database does not answer: what cannot be renewed in time is given up by the next checks.
    } finally {
      this.#renewing = false;
    }
  }

  #giveUp(name: string, held: Held): void {
    this.#held.delete(name);
    held.controller.abort(new Error('the lease was lost'));
    this.#lost(held.claim);
  }
}
