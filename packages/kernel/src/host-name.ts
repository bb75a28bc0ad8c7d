/** The name in a Host header without the port, in lower case: `[::1]:8080` gives `[::1]` (RFC 9110 §7.2). */
export function hostName(host: string): string {
  return host
    .toLowerCase()
    .replace(/:\d{1,5}$/, '')
    .replace(/\.$/, '');
}
