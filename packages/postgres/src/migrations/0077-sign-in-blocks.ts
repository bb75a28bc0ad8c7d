/** Programs that wait to be signed in are counted by what one subscriber has: an IPv4 address, or 64 bits of an IPv6 address. */
export const up: readonly string[] = [
  'ALTER TABLE hexabase.sign_in_codes ADD COLUMN address_block text',
  `CREATE INDEX sign_in_codes_block ON hexabase.sign_in_codes (address_block) WHERE state = 'pending'`,
  'DROP INDEX hexabase.sign_in_codes_address',
];

export const down: readonly string[] = [
  `CREATE INDEX sign_in_codes_address ON hexabase.sign_in_codes (address) WHERE state = 'pending'`,
  'DROP INDEX hexabase.sign_in_codes_block',
  'ALTER TABLE hexabase.sign_in_codes DROP COLUMN address_block',
];
