import { sql } from 'kysely';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { Database, Tx } from '@hexabase/postgres/database.ts';

export interface Published {
  /** Of the message; a consumer that sees it twice drops the second. */
  id: string;
  subject: string;
  organizationId: string | null;
  payload: Record<string, unknown>;
  createdAt: Date;
}

export interface RelayOptions {
  database: Database;
  log: Logger;
  /** Hands one message on. When it throws, this and the later messages are sent again. */
  publish(message: Published): Promise<void>;
}

const batchSize = 100;
const pollMs = 5_000;
const keptHours = 24;

/**
 * Sends what waits in the outbox, oldest first, at least once each. Only rows of transactions older than every running
 * one are sent: a slow transaction may still commit a row that sorts earlier. One relay sends at a time; others wait.
 */
export async function startOutboxRelay(options: RelayOptions): Promise<AsyncDisposable> {
  const relay = new Relay(options);
  await relay.start();
  return { [Symbol.asyncDispose]: () => relay.stop() };
}

class Relay {
  readonly #options: RelayOptions;
  #listening: AsyncDisposable | null = null;
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> | null = null;
  #again = false;
  #stopping = false;

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#listening = await this.#options.database.listen('hexabase_outbox', () => this.#wake());
    this.#wake();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#timer) clearTimeout(this.#timer);
    await this.#listening?.[Symbol.asyncDispose]();
    await this.#running;
  }

  #wake(): void {
    this.#again = true;
    if (this.#stopping) return;
    this.#running ??= this.#drain().finally(() => {
      this.#running = null;
      if (this.#again && !this.#stopping) this.#wake();
    });
  }

  async #drain(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    try {
      while (this.#again && !this.#stopping) {
        this.#again = false;
        const sent = await this.#options.database.asWorker((tx) => this.#sendBatch(tx));
        if (sent === batchSize) this.#again = true;
      }
    } catch (error) {
      this.#again = false;
      this.#options.log.warn({ error }, 'the outbox could not be sent; trying again');
    }
    if (!this.#stopping) this.#timer = setTimeout(() => this.#wake(), pollMs);
  }

  async #sendBatch(tx: Tx): Promise<number> {
    const { rows } = await sql<Published>`
      select id, subject, organization_id as "organizationId", payload, created_at as "createdAt"
      from hexabase.outbox
      where published_at is null and xid < pg_snapshot_xmin(pg_current_snapshot())
        and pg_try_advisory_xact_lock(7239004)
      order by id limit ${batchSize}`.execute(tx);
    const sent: string[] = [];
    let failure: unknown = null;
    for (const message of rows) {
      try {
        await this.#options.publish(message);
        sent.push(message.id);
      } catch (error) {
        failure = error;
        break;
      }
    }
    if (sent.length > 0) {
      await sql`update hexabase.outbox set published_at = now() where id = any (${sent}::text[])`.execute(tx);
    }
    if (failure !== null)
      this.#options.log.warn({ error: failure }, 'a message could not be published; sending it again');
    return sent.length;
  }
}

/** Deletes what nobody needs any more: messages sent a day ago, and answers kept for repeated requests. */
export async function sweepOutbox(database: Database): Promise<void> {
  await database.asWorker(async (tx) => {
    await sql`delete from hexabase.outbox where published_at < now() - make_interval(hours => ${keptHours})`.execute(
      tx,
    );
    await sql`delete from hexabase.idempotency_keys where expires_at < now()`.execute(tx);
  });
}
