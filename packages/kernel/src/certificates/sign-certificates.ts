import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  X509Certificate,
  type KeyObject,
} from 'node:crypto';
import { nameConstraints, subjectAltNames } from './certificate-names.ts';
import {
  bitString,
  boolean,
  element,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  utcTime,
  utf8String,
} from './der.ts';

/** A certificate and its private key, as PEM. */
export interface KeyedCertificate {
  certPem: string;
  keyPem: string;
}

/** Object identifiers: RFC 5280 §4.2.1 and appendix A, RFC 5758 §3.2. */
const oid = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  commonName: '2.5.4.3',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  organizationName: '2.5.4.10',
} as const;

const dayMs = 86_400_000;
/** Clocks of clients may be behind. */
const backdatedMs = 3_600_000;
const authorityDays = 10 * 365;
/** Below what browsers and Apple's libraries take at most (398 days). */
const leafDays = 365;

/** Makes an authority (EC P-256) that can sign for the loopback names and `hosts`, and for nothing else. */
export function makeAuthority(hosts: readonly string[], nowMs: number): KeyedCertificate {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  // Each has a name of its own: clients that know an older authority must not mix them up.
  const name = commonName(`Hexabase local authority ${randomBytes(4).toString('hex')}`);
  const identifier = keyIdentifier(keys.publicKey);
  const certPem = signCertificate({
    issuer: name,
    subject: name,
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    nowMs,
    days: authorityDays,
    extensions: [
      extension(oid.basicConstraints, sequence(boolean(true), integer(Buffer.from([0]))), { critical: true }),
      // keyCertSign and cRLSign
      extension(oid.keyUsage, bitString(Buffer.from([0x06]), 1), { critical: true }),
      extension(oid.nameConstraints, nameConstraints(hosts), { critical: true }),
      extension(oid.subjectKeyIdentifier, octetString(identifier)),
      extension(oid.authorityKeyIdentifier, sequence(element(0x80, identifier))),
    ],
  });
  return { certPem, keyPem: privatePem(keys.privateKey) };
}

/** Signs a server certificate for `hosts`. */
export function signServer(
  authority: KeyedCertificate,
  hosts: readonly string[],
  nowMs: number,
): KeyedCertificate {
  return signLeaf(authority, {
    subject: commonName('Hexabase'),
    purpose: oid.serverAuth,
    extensions: [extension(oid.subjectAltName, subjectAltNames(hosts))],
    nowMs,
  });
}

/** Signs a certificate by which an API server knows a client: the common name is the user, the organization the group. */
export function signClient(
  authority: KeyedCertificate,
  client: { user: string; group?: string },
  nowMs: number,
): KeyedCertificate {
  const group = client.group === undefined ? [] : [nameAttribute(oid.organizationName, client.group)];
  return signLeaf(authority, {
    subject: sequence(...group, nameAttribute(oid.commonName, client.user)),
    purpose: oid.clientAuth,
    extensions: [],
    nowMs,
  });
}

interface Leaf {
  subject: Buffer;
  /** Object identifier of the extended key usage. */
  purpose: string;
  extensions: Buffer[];
  nowMs: number;
}

function signLeaf(authority: KeyedCertificate, leaf: Leaf): KeyedCertificate {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = new X509Certificate(authority.certPem);
  const certPem = signCertificate({
    issuer: commonName(issuer.subject.replace(/^CN=/, '')),
    subject: leaf.subject,
    publicKey: keys.publicKey,
    signingKey: createPrivateKey(authority.keyPem),
    nowMs: leaf.nowMs,
    days: leafDays,
    extensions: [
      extension(oid.basicConstraints, sequence(), { critical: true }),
      // digitalSignature
      extension(oid.keyUsage, bitString(Buffer.from([0x80]), 7), { critical: true }),
      extension(oid.extendedKeyUsage, sequence(objectIdentifier(leaf.purpose))),
      ...leaf.extensions,
      extension(oid.subjectKeyIdentifier, octetString(keyIdentifier(keys.publicKey))),
      extension(oid.authorityKeyIdentifier, sequence(element(0x80, keyIdentifier(issuer.publicKey)))),
    ],
  });
  return { certPem, keyPem: privatePem(keys.privateKey) };
}

interface Contents {
  issuer: Buffer;
  subject: Buffer;
  publicKey: KeyObject;
  signingKey: KeyObject;
  nowMs: number;
  days: number;
  extensions: Buffer[];
}

/** RFC 5280 §4.1. */
function signCertificate(contents: Contents): string {
  const algorithm = sequence(objectIdentifier(oid.ecdsaWithSha256));
  const toBeSigned = sequence(
    element(0xa0, integer(Buffer.from([2]))),
    integer(serialNumber()),
    algorithm,
    contents.issuer,
    sequence(utcTime(contents.nowMs - backdatedMs), utcTime(contents.nowMs + contents.days * dayMs)),
    contents.subject,
    contents.publicKey.export({ format: 'der', type: 'spki' }),
    element(0xa3, sequence(...contents.extensions)),
  );
  const signature = sign('sha256', toBeSigned, contents.signingKey);
  const certificate = sequence(toBeSigned, algorithm, bitString(signature));
  return new X509Certificate(certificate).toString();
}

function extension(id: string, value: Buffer, { critical = false } = {}): Buffer {
  return sequence(objectIdentifier(id), ...(critical ? [boolean(true)] : []), octetString(value));
}

function commonName(text: string): Buffer {
  return sequence(nameAttribute(oid.commonName, text));
}

/** One part of a distinguished name (RFC 5280 §4.1.2.4). */
function nameAttribute(id: string, text: string): Buffer {
  return set(sequence(objectIdentifier(id), utf8String(text)));
}

/** RFC 7093 §2, method 1: the first 160 bits of SHA-256 over the key. */
function keyIdentifier(publicKey: KeyObject): Buffer {
  const point = publicKey.export({ format: 'der', type: 'spki' }).subarray(-65);
  return createHash('sha256').update(point).digest().subarray(0, 20);
}

/** Positive, without a leading zero byte, 127 bits (RFC 5280 §4.1.2.2). */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x3f) | 0x40, 0);
  return bytes;
}

function privatePem(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'pkcs8' }).toString();
}
