import { afterAll, beforeAll, expect, test } from 'vitest';
import { PlainBrowser } from '../acceptance/relying-party.ts';
import { addClient, addPerson, begin, callback, discover, password } from './relying-parties.ts';
import { fresh, startProduct, type Attacked } from './start-product.ts';

/** What somebody with the old password had begun when it was changed, however close that was. */
let product: Attacked;
beforeAll(async () => {
  product = await startProduct();
});
afterAll(() => product?.[Symbol.asyncDispose]());

/** Until so many statements wait for others. */
async function waiting(statements: number): Promise<void> {
  for (;;) {
    // Within a transaction the view would not change.
    await product.query('select pg_stat_clear_snapshot()');
    const rows = await product.query(
      `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    if (rows.length >= statements) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const logIn = (email: string) =>
  product.send({ method: 'POST', path: '/auth/login', body: { email, password } });

/** Sends a change of the password and, once it holds the account's turn, what the thief does; neither is done before both wait. */
async function whileChanging<T>(email: string, thief: () => Promise<T>): Promise<T> {
  const signedIn = await logIn(email);
  expect(signedIn.status, signedIn.text).toBe(200);
  await product.query('begin');
  await product.query('select 1 from users where email = $1 for no key update', [email]);
  const changing = product.send({
    method: 'POST',
    path: '/auth/password',
    token: String(signedIn.json['access_token']),
    body: { current_password: password, new_password: 'another good phrase entirely' },
  });
  await waiting(1);
  const stolen = thief();
  await waiting(2);
  await product.query('commit');
  expect((await changing).status).toBe(204);
  return stolen;
}

const live = (userId: string) =>
  product.query('select id from sessions where user_id = $1 and ended_at is null', [userId]);

test('A09 whoever shows the old password while it is changed gets no session by it', async () => {
  const { userId, email } = await addPerson(product, fresh('changing'));
  const stolen = await whileChanging(email, () => logIn(email));
  expect(stolen.status).toBe(401);
  expect(await live(userId)).toEqual([]);
});

test('A09 a sign-in at the provider with the old password, while it is changed, gives its client no code', async () => {
  const { userId, email } = await addPerson(product, fresh('changing'));
  const name = fresh('portal');
  const config = await discover(product, name, await addClient(product, name));
  const { start } = await begin(config, callback(name));
  const browser = new PlainBrowser(product.api.url);
  await browser.go(start);
  const at = await whileChanging(email, () => browser.submit({ email, password }));
  expect(at).not.toContain('code=');
  expect(browser.status).toBe(403);
  expect(browser.page).toContain('The account has changed');
  expect(await live(userId)).toEqual([]);
});
