import { emptyDatabase } from '@hexabase/testkit/test-database.ts';
import { Client } from 'pg';
import { expect, test } from 'vitest';
import { clientConfig } from './connection.ts';
import { migrateUp } from './migrate.ts';
import { up } from './migrations/0095-email-domains.ts';

const spelling = 'a@xn--bcher-kva.example';

test('addresses from before get the one spelling of their domain; of two accounts of one mailbox each stays, and one gets it', async () => {
  const { owner, close } = await emptyDatabase();
  await migrateUp(owner);
  const client = new Client({ ...clientConfig(owner), options: '-c search_path=hexabase' });
  await client.connect();
  const people: [id: string, email: string, day: number][] = [
    ['older', 'a@bücher.example', 1],
    ['younger', 'a@ｂücher.example', 2],
    ['owns', 'b@xn--bcher-kva.example', 2],
    ['too late', 'b@bücher.example', 1],
    ['dotted', 'c@example.test.', 1],
    ['no domain', 'd@bü／cher.example', 1],
    ['not for people', 'x@acme.ｓerviceaccounts.hexabase.local', 1],
    ['plain', 'jörg@example.test', 1],
  ];
  for (const [id, email, day] of people)
    await client.query(
      `insert into users (id, email, display_name, created_at) values ($1, $2, $1, make_date(2030, 1, $3))`,
      [id, email, day],
    );
  await client.query(
    `insert into organizations (id, slug, name, plan) values ('o', 'acme', 'Acme', 'starter')`,
  );
  const invite = (id: string, email: string, day: number) =>
    client.query(
      `insert into invitations (id, organization_id, email, role, group_ids, token_hash, invited_by, created_at, sent_at, expires_at)
       values ($1, 'o', $2, 'viewer', '{}', $1, 'plain', make_date(2030, 1, $3), now(), now() + interval '7 days')`,
      [id, email, day],
    );
  await invite('first', 'a@bücher.example', 1);
  await invite('newest', 'a@ｂücher.example', 2);
  await invite('alone', 'e@bücher.example', 1);
  await client.query(`insert into letter_codes (id, kind, email, created_at, expires_at)
    values ('old', 'reset', 'a@bücher.example', now(), now() + interval '1 hour'),
      ('other', 'reset', 'f@example.test', now(), now() + interval '1 hour')`);

  // Twice: an interrupted upgrade begins again.
  await up(client);
  await up(client);

  const { rows: users } = await client.query('select id, email, epoch from users');
  expect(Object.fromEntries(users.map(({ id, email, epoch }) => [id, `${email} ${epoch}`]))).toEqual({
    older: `${spelling} 1`,
    younger: 'a@ｂücher.example 0',
    owns: 'b@xn--bcher-kva.example 0',
    'too late': 'b@bücher.example 0',
    dotted: 'c@example.test 1',
    'no domain': 'd@bü／cher.example 0',
    'not for people': 'x@acme.ｓerviceaccounts.hexabase.local 0',
    plain: 'jörg@example.test 0',
  });
  const { rows: open } = await client.query(
    'select id, email from invitations where revoked_at is null order by id',
  );
  expect(open).toEqual([
    { id: 'alone', email: 'e@xn--bcher-kva.example' },
    { id: 'newest', email: spelling },
  ]);
  const { rows: codes } = await client.query('select id from letter_codes where expires_at > now()');
  expect(codes).toEqual([{ id: 'other' }]);
  await client.end();
  await close();
});
