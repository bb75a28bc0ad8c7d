import { setTimeout as sleep } from 'node:timers/promises';
import { Client, escapeIdentifier } from 'pg';
import type { Logger } from '@hexabase/kernel/log.ts';
import { clientConfig, type Endpoint } from './connection.ts';

type Listener = (payload: string) => void;

const retryMsMax = 5_000;

/** One connection for all channels of a process. It reconnects for ever and then wakes every listener with ''. */
export class NotificationHub implements AsyncDisposable {
  readonly #endpoint: Endpoint;
  readonly #log: Logger;
  readonly #channels = new Map<string, Set<Listener>>();
  #client: Client | null = null;
  #connecting: Promise<void> | null = null;
  #closed = false;

  constructor(endpoint: Endpoint, log: Logger) {
    this.#endpoint = endpoint;
    this.#log = log;
  }

  async listen(channel: string, listener: Listener): Promise<AsyncDisposable> {
    await this.#connected();
    const listeners = this.#channels.get(channel) ?? new Set();
    this.#channels.set(channel, listeners);
    listeners.add(listener);
    if (listeners.size === 1) await this.#client?.query(`listen ${escapeIdentifier(channel)}`);
    return {
      [Symbol.asyncDispose]: async () => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        this.#channels.delete(channel);
        await this.#client?.query(`unlisten ${escapeIdentifier(channel)}`).catch(() => undefined);
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const client = this.#client;
    this.#client = null;
    await this.#connecting?.catch(() => undefined);
    await client?.end().catch(() => undefined);
  }

  async #connected(): Promise<void> {
    if (this.#client) return;
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = null;
    });
    await this.#connecting;
  }

  async #connect(): Promise<void> {
    const client = new Client(clientConfig(this.#endpoint));
    client.on('notification', ({ channel, payload }) => this.#deliver(channel, payload ?? ''));
    client.on('error', (error) => this.#log.warn({ error }, 'the notification connection broke'));
    client.once('end', () => this.#ended(client));
    await client.connect();
    for (const channel of this.#channels.keys()) await client.query(`listen ${escapeIdentifier(channel)}`);
    this.#client = client;
  }

  #ended(client: Client): void {
    if (this.#client !== client) return;
    this.#client = null;
    if (!this.#closed) void this.#reconnect();
  }

  async #reconnect(): Promise<void> {
    for (let delayMs = 50; !this.#closed; delayMs = Math.min(delayMs * 2, retryMsMax)) {
      try {
        await this.#connected();
        for (const channel of this.#channels.keys()) this.#deliver(channel, '');
        return;
      } catch {
        await sleep(delayMs, undefined, { ref: false });
      }
    }
  }

  #deliver(channel: string, payload: string): void {
    for (const listener of this.#channels.get(channel) ?? []) {
      try {
        listener(payload);
      } catch (error) {
        this.#log.error({ error, channel }, 'a notification listener threw');
      }
    }
  }
}
