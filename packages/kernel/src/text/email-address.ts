/**
 * What an e-mail address is here, everywhere: at most 64 characters of any script, `@`, at most 189 more (RFC 6531). Left out
 * is what address lists and headers of letters are made of (RFC 5322 `specials`), white space, and what nobody sees.
 */
export const emailPattern =
  /^[^\s@"(),:;<>[\]\\\p{Cc}\p{Cf}\p{Cs}]{1,64}@[^\s@"(),:;<>[\]\\\p{Cc}\p{Cf}\p{Cs}]{1,189}$/u;

/**
 * The one spelling of an address that is stored and compared: no space around it, lower case, accents in one piece, and the
 * domain as DNS knows it (UTS 46, as browsers write it): `JÖRG@Bücher.Example.` is `jörg@xn--bcher-kva.example`. Of what is no
 * domain nothing is left behind the `@`, and that is no address.
 */
export function canonicalEmail(email: string): string {
  const text = email.normalize('NFC').trim();
  const at = text.lastIndexOf('@') + 1;
  if (at === 0) return lowerCase(text);
  return `${lowerCase(text.slice(0, at))}${canonicalDomain(text.slice(at))}`;
}

/** Accents are put together once more: some letters are one piece in lower case only. */
function lowerCase(text: string): string {
  return text.toLowerCase().normalize('NFC');
}

function canonicalDomain(domain: string): string {
  const ascii = /\P{ASCII}/u.test(domain) ? asciiDomain(domain) : domain.toLowerCase();
  // Looks at each run of dots once, however many there are.
  return ascii.replace(/(?<!\.)\.+$/, '');
}

/** The parser of addresses of the web does it; what it would take for a port, a path or an escape is no domain. */
function asciiDomain(domain: string): string {
  if (/[\s"(),:;<>[\]\\/?#%^|\p{Cc}\p{Cf}\p{Cs}]/u.test(domain)) return '';
  return URL.parse(`http://${domain}`)?.hostname ?? '';
}

/** What addresses of service accounts end with: names in the form of addresses, and nobody's mailbox. */
export const machineAddressEnd = '.serviceaccounts.hexabase.local';

/** Whether no person can have this address: no letter goes there, and nobody signs up with it. */
export function isMachineAddress(email: string): boolean {
  return canonicalEmail(email).endsWith(machineAddressEnd);
}
