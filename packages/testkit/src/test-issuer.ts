import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import { makeAuthority, signServer } from '@hexabase/kernel/certificates/sign-certificates.ts';

/** An OIDC issuer over https that signs tokens as Hexabase does, for clusters that verify them on their own. */
export interface TestIssuer extends AsyncDisposable {
  /** `https://<address>:<port>/oidc` */
  issuer: string;
  /** PEM of the authority that signed its certificate. */
  readonly certificateAuthority: string;
  /** Shows a certificate of a new authority from here on. */
  renewAuthority(): void;
  /** Signs what it is told, as a CI system's issuer would; `header` replaces what stands in the header. */
  sign(claims: Record<string, unknown>, header?: Record<string, unknown>): string;
  /** Of the key that it signs with, in PEM. */
  publicKey(): string;
  /** Signs with a new key from here on, and publishes only that. */
  rotate(): void;
  /** How often its keys were asked for. */
  asked(): number;
  /** A good token of this user for this workspace; `claims` replaces or, when undefined, leaves out claims. */
  tokenFor(workspaceId: string, user: IssuedUser, claims?: Record<string, unknown>): string;
}

export interface IssuedUser {
  /** `hexabase:<e-mail>`, as the cluster is to know the user. */
  username: string;
  groups: readonly string[];
}

const tokenSeconds = 900;

/** Starts one on `address`, which must be an address of this machine that the cluster reaches. */
export async function testIssuer(address = '127.0.0.1'): Promise<TestIssuer> {
  let shown = newCertificate(address);
  let keys = newKeys();
  let asked = 0;
  const documents = new Map<string, unknown>();
  const server = createServer(shown, (request, response) => {
    if (request.url === '/oidc/jwks') asked += 1;
    const document = documents.get(request.url ?? '');
    response.writeHead(document ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(document ?? {}));
  });
  server.listen(0, address);
  await once(server, 'listening');
  const bound = server.address();
  const port = typeof bound === 'object' && bound ? bound.port : 0;
  const issuer = `https://${address.includes(':') ? `[${address}]` : address}:${port}/oidc`;
  documents.set('/oidc/.well-known/openid-configuration', {
    issuer,
    jwks_uri: `${issuer}/jwks`,
    authorization_endpoint: `${issuer}/auth`,
    token_endpoint: `${issuer}/token`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
  });
  const publish = () => {
    const jwk = keys.publicKey.export({ format: 'jwk' });
    documents.set('/oidc/jwks', { keys: [{ ...jwk, kid: keys.kid, use: 'sig', alg: 'RS256' }] });
  };
  publish();
  const signed = (claims: Record<string, unknown>, header: Record<string, unknown> = {}): string => {
    const parts = [{ alg: 'RS256', kid: keys.kid, typ: 'JWT', ...header }, claims];
    const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    return `${text}.${sign('sha256', Buffer.from(text), keys.privateKey).toString('base64url')}`;
  };
  return {
    issuer,
    get certificateAuthority() {
      return shown.authority;
    },
    renewAuthority() {
      shown = newCertificate(address);
      server.setSecureContext(shown);
      server.closeAllConnections();
    },
    sign: signed,
    publicKey: () => keys.publicKey.export({ format: 'pem', type: 'spki' }).toString(),
    rotate() {
      keys = newKeys();
      publish();
    },
    asked: () => asked,
    tokenFor: (workspaceId, user, claims = {}) =>
      signed({ ...claimsOf(user), iss: issuer, aud: `ws:${workspaceId}`, ...claims }),
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function newCertificate(address: string) {
  const authority = makeAuthority([address], Date.now());
  const { certPem: cert, keyPem: key } = signServer(authority, [address, 'localhost'], Date.now());
  return { authority: authority.certPem, cert, key };
}

function newKeys() {
  return { kid: randomUUID(), ...generateKeyPairSync('rsa', { modulusLength: 2048 }) };
}

function claimsOf({ username, groups }: IssuedUser): Record<string, unknown> {
  const issuedAt = Math.floor(Date.now() / 1000);
  const email = username.replace(/^hexabase:/, '');
  return {
    sub: `user-of-${email}`,
    typ: 'kube',
    email,
    email_verified: true,
    groups,
    sid: 'session',
    ep: 0,
    jti: randomUUID(),
    iat: issuedAt,
    nbf: issuedAt,
    exp: issuedAt + tokenSeconds,
  };
}
