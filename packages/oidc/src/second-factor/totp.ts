import { Secret, TOTP } from 'otpauth';

const periodSeconds = 30;
/** Steps before and after now: clocks of telephones differ, and typing takes a while (RFC 6238 §5.2). */
const window = 1;
const codePattern = /^\d{6}$/;

/** RFC 4226 §4 recommends 160 bits. */
export function newTotpSecret(): string {
  return new Secret({ size: 20 }).base32;
}

/** What authenticator apps read from a QR code or take by hand. */
export function otpauthUri(given: { secret: string; account: string; issuer: string }): string {
  return totpOf(given.secret, given).toString();
}

/** What people type, without the spaces that apps show; null for what is no code of an app. */
export function totpCodeOf(typed: string): string | null {
  const code = typed.replace(/\s/g, '');
  return codePattern.test(code) ? code : null;
}

/** The time step that the code belongs to, or null when it fits to none near now. Compared in constant time. */
export function totpStep(secret: string, code: string, nowMs: number): number | null {
  const delta = totpOf(secret).validate({ token: code, timestamp: nowMs, window });
  return delta === null ? null : Math.floor(nowMs / 1000 / periodSeconds) + delta;
}

function totpOf(secret: string, shown: { account: string; issuer: string } | null = null): TOTP {
  return new TOTP({
    ...(shown && { issuer: shown.issuer, label: shown.account }),
    secret: Secret.fromBase32(secret),
    algorithm: 'SHA1',
    digits: 6,
    period: periodSeconds,
  });
}
