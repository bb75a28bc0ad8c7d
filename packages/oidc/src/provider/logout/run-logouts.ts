import type { Clock } from '@hexabase/kernel/clock.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import { revocationChannel } from '../../revocation.ts';
import { claimNotice, deleteNotice, settleEndedSession, type LogoutNotice } from './notice-store.ts';
import { sendNotice, type NoticeSender } from './send-notice.ts';

export interface LogoutOptions extends NoticeSender {
  db: Pick<Database, 'asIdentity' | 'listen'>;
  masterKey: Uint8Array;
  clock: Clock;
  log: Logger;
}

/** After this many, about ten minutes, a client that does not answer is given up. */
const attemptsMax = 7;
const passMs = 5_000;

/**
 * Carries the end of sessions to the provider and its clients: at once when one is announced, and now and then for what
 * was announced while nobody listened or could not be delivered.
 */
export async function runLogouts(options: LogoutOptions): Promise<AsyncDisposable> {
  let stopped = false;
  let again = false;
  let running: Promise<void> | null = null;
  const wake = (): void => {
    if (stopped) return;
    again = true;
    running ??= passes().finally(() => {
      running = null;
    });
  };
  async function passes(): Promise<void> {
    while (again && !stopped) {
      again = false;
      await pass(options).catch((error: unknown) => {
        if (!stopped) options.log.warn({ error }, 'logouts could not be carried out; they are tried again');
      });
    }
  }
  const listening = await options.db.listen(revocationChannel, wake);
  const timer = setInterval(wake, passMs);
  timer.unref();
  return {
    async [Symbol.asyncDispose]() {
      stopped = true;
      clearInterval(timer);
      await listening[Symbol.asyncDispose]();
      await running;
    },
  };
}

async function pass(options: LogoutOptions): Promise<void> {
  const { db, clock } = options;
  const vault = createKeyVault(options.masterKey);
  while (await db.asIdentity((tx) => settleEndedSession(tx, vault, clock.now())));
  for (;;) {
    const notice = await db.asIdentity((tx) => claimNotice(tx, clock.now()));
    if (!notice) return;
    await deliver(options, notice);
  }
}

async function deliver(options: LogoutOptions, notice: LogoutNotice): Promise<void> {
  const { db, clock, log } = options;
  try {
    await sendNotice(options, notice, clock.now());
  } catch (error) {
    if (notice.attempts < attemptsMax) return;
    log.warn({ error, clientId: notice.clientId }, 'a client did not take the news of a logout');
  }
  await db.asIdentity((tx) => deleteNotice(tx, notice.id));
}
