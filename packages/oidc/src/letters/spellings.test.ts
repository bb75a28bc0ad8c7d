import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { openMailText } from '@hexabase/postgres/mail-queue.ts';
import { testIdentity } from '@hexabase/testkit/identity/test-identity.ts';
import { afterAll, expect, it } from 'vitest';
import { openLetters } from './letters.ts';

const { test, identity, clock, close } = await testIdentity();
afterAll(close);
const vault = createKeyVault(test.masterKey);
const deps = { vault, clock, site: 'https://hexabase.test', passwords: true, signUp: true };
const letters = openLetters({ ...deps, db: test.database, makeOrganization: async () => undefined });
const email = 'who@xn--bcher-kva.example';
const address = '192.0.2.1';

/** The newest letter to the mailbox. */
async function lastCode(): Promise<string> {
  const { rows } = await test.database
    .openPool('hexabase_worker', 1)
    .query<{ id: string; sealed: string }>(
      'select id, text_sealed as sealed from hexabase.mails where recipient = $1 order by created_at desc, id desc limit 1',
      [email],
    );
  const [row] = rows;
  return (row && /finish\?code=(\S+)/.exec(openMailText(vault, row))?.[1]) ?? '';
}

it('who signs up with a domain in another script has one account, whichever way it is spelled next time', async () => {
  await letters.ask('sign_up', { email: 'Who@BU\u0308CHER.example.', address });
  const password = 'a long passphrase of who';
  const made = await letters.finish({ code: await lastCode(), password });
  clock.advance(1_000);
  await letters.ask('sign_up', { email: 'who@ｂücher.example', address });
  expect(await lastCode()).toBe('');
  clock.advance(1_000);
  await letters.ask('reset', { email: 'who@bücher.example', address });
  const again = await letters.finish({ code: await lastCode(), password: `${password} again` });
  expect(again.userId).toBe(made.userId);
  const device = { userAgent: null, address, deviceId: null };
  const signedIn = await identity.signIn({ email, password: `${password} again`, device });
  expect(signedIn.user.email).toBe(email);
});
