import { createHash, createSign, generateKeyPairSync, randomBytes } from 'node:crypto';

/** What an authenticator says, where a test wants it to lie. */
export interface Lies {
  origin?: string;
  rpId?: string;
  challenge?: string;
  type?: string;
  verified?: boolean;
  count?: number;
}

const base64url = (bytes: Uint8Array | string) => Buffer.from(bytes).toString('base64url');
const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest();

/** A security key in software (WebAuthn §6) for pages of one origin: ES256, attestation `none`, a counter. */
export function securityKey(origin: string) {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const id = randomBytes(32);
  let uses = 0;
  // COSE_Key: {1: 2, 3: -7, -1: 1, -2: x, -3: y}.
  const cose = Buffer.concat([
    Buffer.from('a5010203262001215820', 'hex'),
    Buffer.from(x, 'base64url'),
    Buffer.from('225820', 'hex'),
    Buffer.from(y, 'base64url'),
  ]);
  const data = (lies: Lies, flags: number, more: Buffer) => {
    uses += 1;
    const count = Buffer.alloc(4);
    count.writeUInt32BE(lies.count ?? uses);
    const verified = lies.verified === false ? 0 : 4;
    const rpIdHash = sha256(lies.rpId ?? new URL(origin).hostname);
    return Buffer.concat([rpIdHash, Buffer.from([flags | verified]), count, more]);
  };
  const client = (lies: Lies, challenge: string, type: string) =>
    JSON.stringify({
      type: lies.type ?? type,
      challenge: lies.challenge ?? challenge,
      origin: lies.origin ?? origin,
    });
  const envelope = { id: base64url(id), rawId: base64url(id), type: 'public-key' };
  return {
    create(options: string, lies: Lies = {}): string {
      const { challenge } = JSON.parse(options);
      const attested = Buffer.concat([Buffer.alloc(16), Buffer.from([0, id.length]), id, cose]);
      const authData = data(lies, 0x41, attested);
      // {"fmt": "none", "attStmt": {}, "authData": …}
      const head = Buffer.from('a363666d74646e6f6e656761747453746d74a0686175746844617461', 'hex');
      const length = Buffer.from([0x59, authData.length >> 8, authData.length & 255]);
      const response = {
        clientDataJSON: base64url(client(lies, challenge, 'webauthn.create')),
        attestationObject: base64url(Buffer.concat([head, length, authData])),
      };
      return JSON.stringify({ ...envelope, response });
    },
    get(options: string, lies: Lies = {}): string {
      const { challenge } = JSON.parse(options);
      const authenticatorData = data(lies, 0x01, Buffer.alloc(0));
      const clientData = client(lies, challenge, 'webauthn.get');
      const signed = Buffer.concat([authenticatorData, sha256(clientData)]);
      const response = {
        clientDataJSON: base64url(clientData),
        authenticatorData: base64url(authenticatorData),
        signature: base64url(createSign('sha256').update(signed).sign(privateKey)),
      };
      return JSON.stringify({ ...envelope, response });
    },
  };
}
