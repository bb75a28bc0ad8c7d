/** The command line: a public client that keeps no secret, so everything it does is bound by PKCE or a device code. */
export const commandLineClient = { clientId: 'hks', name: 'hks, the Hexabase AI command line' } as const;

export function isKnownClient(clientId: string): boolean {
  return clientId === commandLineClient.clientId;
}

const loopbackRedirect = /^http:\/\/(?:127\.0\.0\.1|localhost|\[::1\]):([1-9]\d{0,4})\/callback$/;

/** RFC 8252 §7.3: this machine, any port, one path. Compared as text: nothing that a parser could read in two ways. */
export function isLoopbackRedirect(redirectUri: string): boolean {
  const [, port] = loopbackRedirect.exec(redirectUri) ?? [];
  return port !== undefined && Number(port) <= 65_535;
}
