import { canonicalEmail, emailPattern, isMachineAddress } from '@hexabase/kernel/text/email-address.ts';
import type { MigrationClient } from '../migrate.ts';

/** What can have another spelling than it had: letters beyond ASCII, and a dot at the end. */
const mayChange = `(octet_length(email) <> length(email) or email like '%.')`;

/**
 * Addresses have the domain as DNS knows it: before, one mailbox could have several accounts. The account that has that
 * spelling already keeps it, else the oldest gets it; others stay as they are, with memberships, sessions and links to
 * providers, and are found by no address any more. Of open invitations of one mailbox to one organization the newest stays.
 */
export async function up(client: MigrationClient): Promise<void> {
  // Sessions go on; tokens for clusters name the address, and are made anew.
  await respell(client, {
    rows: `select id, email from hexabase.users where kind = 'person' and ${mayChange} order by created_at, id`,
    change: `update hexabase.users set email = $2, epoch = epoch + 1
      where id = $1 and not exists (select from hexabase.users where lower(email) = $2) returning id`,
  });
  const open = 'accepted_at is null and declined_at is null and revoked_at is null';
  await respell(client, {
    rows: `select id, email from hexabase.invitations where ${open} and ${mayChange} order by created_at desc, id desc`,
    change: `update hexabase.invitations i set email = $2 where id = $1 and not exists (
      select from (select * from hexabase.invitations where ${open}) o where o.organization_id = i.organization_id and o.email = $2)
      returning id`,
    otherwise: 'update hexabase.invitations set revoked_at = now() where id = $1',
  });
  // Letters of the hour before: a password that is set would not end those with another spelling.
  await client.query(
    `update hexabase.letter_codes set expires_at = now() where expires_at > now() and ${mayChange}`,
  );
}

interface Respelling {
  rows: string;
  /** Answers the row that was changed. */
  change: string;
  otherwise?: string;
}

async function respell(
  client: MigrationClient,
  { rows: query, change, otherwise }: Respelling,
): Promise<void> {
  const { rows } = await client.query(query);
  for (const { id, email } of rows) {
    const after = canonicalEmail(String(email));
    if (after === email || !emailPattern.test(after) || isMachineAddress(after)) continue;
    const { rows: changed } = await client.query(change, [id, after]);
    if (changed.length === 0 && otherwise !== undefined) await client.query(otherwise, [id]);
  }
}

/** What an address was before is not kept; the version before finds accounts by the new spelling. */
export const down: readonly string[] = [];
