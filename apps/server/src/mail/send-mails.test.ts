import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { queueMail } from '@hexabase/postgres/mail-queue.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { sql } from 'kysely';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { openMailTransport, sendNextMail, type SendDeps } from './send-mails.ts';

let db: TestDatabase;
let server: SMTPServer;
let url = '';
let refuses = false;
const received: { to: string[]; body: string }[] = [];
const now = { ms: Date.now() };

beforeAll(async () => {
  db = await testDatabase();
  server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    onRcptTo: (_address, _session, done) => done(refuses ? new Error('mailbox is full') : undefined),
    onData(stream, session, done) {
      void readText(stream).then((body) => {
        received.push({ to: session.envelope.rcptTo.map(({ address }) => address), body });
        done();
      });
    },
  });
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  const address = server.server.address() as AddressInfo;
  url = `smtp://127.0.0.1:${address.port}`;
});
afterAll(async () => {
  await new Promise<void>((resolve) => server.close(() => resolve()));
  await db[Symbol.asyncDispose]();
});
beforeEach(async () => {
  received.length = 0;
  refuses = false;
  await db.database.asWorker((tx) => sql`delete from mails`.execute(tx));
});

function deps(): SendDeps & Disposable {
  const transport = openMailTransport({ url, from: 'Hexabase AI <noreply@example.test>' });
  return {
    database: db.database,
    vault: createKeyVault(db.masterKey),
    transport,
    clock: { now: () => now.ms },
    [Symbol.dispose]: () => transport.close(),
  };
}

function queue(vault: SendDeps['vault'], recipient: string, subject = 'Hello'): Promise<void> {
  const mail = { kind: 'test', recipient, subject, text: 'Your code is canary-4711', organizationId: null };
  return db.database.asIdentity((tx) => queueMail(tx, mail, { vault, nowMs: now.ms }));
}

it('a queued letter reaches the mail server once, and its text leaves the database', async () => {
  using sender = deps();
  await queue(sender.vault, 'ann@example.test');
  expect(await Promise.all([sendNextMail(sender), sendNextMail(sender)])).toContain(true);
  while (await sendNextMail(sender));
  expect(received).toHaveLength(1);
  expect(received[0]).toMatchObject({
    to: ['ann@example.test'],
    body: expect.stringContaining('canary-4711'),
  });
  const { rows } = await db.database.asWorker((tx) =>
    sql<{ text_sealed: string | null; sent_at: Date | null }>`select text_sealed, sent_at from mails`.execute(
      tx,
    ),
  );
  expect(rows).toEqual([{ text_sealed: null, sent_at: expect.any(Date) }]);
});

it('a letter that the server refuses is tried again later, and says why meanwhile', async () => {
  using sender = deps();
  await queue(sender.vault, 'full@example.test');
  refuses = true;
  expect(await sendNextMail(sender)).toBe(true);
  expect(await sendNextMail(sender)).toBe(false);
  const { rows } = await db.database.asWorker((tx) =>
    sql<{ last_error: string }>`select last_error from mails`.execute(tx),
  );
  expect(rows[0]?.last_error).toContain('mailbox is full');
  refuses = false;
  now.ms += 60_000;
  expect(await sendNextMail(sender)).toBe(true);
  expect(received).toHaveLength(1);
});

it('a recipient or subject cannot add recipients or headers', async () => {
  using sender = deps();
  await queue(sender.vault, 'ann@example.test', 'Hello\r\nBcc: eve@example.test');
  while (await sendNextMail(sender));
  expect(received.map(({ to }) => to)).toEqual([['ann@example.test']]);
  expect(received[0]?.body).not.toMatch(/^bcc:/im);
});
