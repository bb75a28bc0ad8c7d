/**
 * What an e-mail address is here, everywhere: at most 64 characters of any script, `@`, at most 189 more (RFC 6531). Left out
 * is what address lists and headers of letters are made of (RFC 5322 `specials`), white space, and what nobody sees.
 */
export const emailPattern =
  /^[^\s@"(),:;<>[\]\\\p{Cc}\p{Cf}\p{Cs}]{1,64}@[^\s@"(),:;<>[\]\\\p{Cc}\p{Cf}\p{Cs}]{1,189}$/u;

/** The one spelling of an address that is stored and compared: accents in one piece, no space around it, lower case. */
export function canonicalEmail(email: string): string {
  return email.normalize('NFC').trim().toLowerCase();
}

/** What addresses of service accounts end with: names in the form of addresses, and nobody's mailbox. */
export const machineAddressEnd = '.serviceaccounts.hexabase.local';

/** Whether no person can have this address: no letter goes there, and nobody signs up with it. */
export function isMachineAddress(email: string): boolean {
  return canonicalEmail(email).endsWith(machineAddressEnd);
}
