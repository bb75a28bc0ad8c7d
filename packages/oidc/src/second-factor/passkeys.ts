import { isIP } from 'node:net';
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server';
import * as z from 'zod';
import type { PasskeyRow } from './factor-store.ts';

/** ES256, EdDSA, RS256: what authenticators in use have. */
const algorithms = [-8, -7, -257];
const answerLengthMax = 16_384;

const text = z.string().max(answerLengthMax);
const envelope = { id: text, rawId: text, type: z.literal('public-key') };

const registration = z.object({
  ...envelope,
  response: z.object({
    clientDataJSON: text,
    attestationObject: text,
    transports: z.array(z.string().max(20)).max(10).optional(),
  }),
});

const assertion = z.object({
  ...envelope,
  response: z.object({ clientDataJSON: text, authenticatorData: text, signature: text }),
});

/** The name under which passkeys are kept for an origin of ours; null where browsers keep none: at a bare address. */
export function relyingParty(origin: string): string | null {
  const { hostname } = new URL(origin);
  return isIP(hostname.replace(/^\[|\]$/g, '')) === 0 ? hostname : null;
}

export interface RegistrationAsked {
  rpId: string;
  userId: string;
  email: string;
  known: readonly PasskeyRow[];
}

/** What the browser is asked to make, as JSON for the page, and its challenge. */
export async function registrationOptions(
  asked: RegistrationAsked,
): Promise<{ json: string; challenge: string }> {
  const { generateRegistrationOptions } = await import('@simplewebauthn/server');
  const options = await generateRegistrationOptions({
    rpName: 'Hexabase AI',
    rpID: asked.rpId,
    userName: asked.email,
    userID: new TextEncoder().encode(asked.userId),
    attestationType: 'none',
    excludeCredentials: asked.known.map(descriptorOf),
    authenticatorSelection: { residentKey: 'preferred', userVerification: 'required' },
    supportedAlgorithmIDs: algorithms,
  });
  return { json: JSON.stringify(options), challenge: options.challenge };
}

/** What a page expects of an answer. */
export interface Expected {
  challenge: string;
  origin: string;
  rpId: string;
}

/** The new passkey in a browser's answer, or null when the answer does not fit. */
export async function readRegistration(
  answer: string,
  expected: Expected,
): Promise<Omit<PasskeyRow, 'id'> | null> {
  const response = parse(registration, answer);
  if (!response) return null;
  const { verifyRegistrationResponse } = await import('@simplewebauthn/server');
  const { transports = [], ...rest } = response.response;
  const given: RegistrationResponseJSON = { ...response, response: rest, clientExtensionResults: {} };
  const result = await verifyRegistrationResponse({
    response: given,
    ...expectedOf(expected),
    requireUserVerification: true,
    supportedAlgorithmIDs: algorithms,
  }).catch(() => null);
  if (!result?.verified) return null;
  const { id, publicKey, counter } = result.registrationInfo.credential;
  return {
    credentialId: id,
    publicKey: Buffer.from(publicKey).toString('base64url'),
    counter,
    transports,
  };
}

/** What the browser is asked to sign with one of the passkeys. */
export async function assertionOptions(
  rpId: string,
  keys: readonly PasskeyRow[],
): Promise<{ json: string; challenge: string }> {
  const { generateAuthenticationOptions } = await import('@simplewebauthn/server');
  const options = await generateAuthenticationOptions({
    rpID: rpId,
    allowCredentials: keys.map(descriptorOf),
    userVerification: 'required',
  });
  return { json: JSON.stringify(options), challenge: options.challenge };
}

/**
 * Which of the keys a browser's answer was signed with, and the authenticator's new counter; null when it does not fit. A
 * counter that does not grow means that two hold the key (WebAuthn §6.1.1): it is refused.
 */
export async function readAssertion(
  answer: string,
  keys: readonly PasskeyRow[],
  expected: Expected,
): Promise<{ id: string; counter: number } | null> {
  const response = parse(assertion, answer);
  const key = response && keys.find(({ credentialId }) => credentialId === response.id);
  if (!key) return null;
  const { verifyAuthenticationResponse } = await import('@simplewebauthn/server');
  const given: AuthenticationResponseJSON = { ...response, clientExtensionResults: {} };
  const result = await verifyAuthenticationResponse({
    response: given,
    ...expectedOf(expected),
    requireUserVerification: true,
    credential: {
      id: key.credentialId,
      publicKey: Uint8Array.from(Buffer.from(key.publicKey, 'base64url')),
      counter: key.counter,
    },
  }).catch(() => null);
  return result?.verified ? { id: key.id, counter: result.authenticationInfo.newCounter } : null;
}

function expectedOf({ challenge, origin, rpId }: Expected) {
  return { expectedChallenge: challenge, expectedOrigin: origin, expectedRPID: rpId };
}

function descriptorOf({ credentialId, transports }: PasskeyRow) {
  return { id: credentialId, transports };
}

function parse<T>(schema: z.ZodType<T>, answer: string): T | null {
  if (answer.length > answerLengthMax) return null;
  try {
    return schema.parse(JSON.parse(answer));
  } catch {
    return null;
  }
}
