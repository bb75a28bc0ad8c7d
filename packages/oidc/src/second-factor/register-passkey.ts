import { AppError } from '@hexabase/kernel/errors.ts';
import { brandId, newId } from '@hexabase/kernel/id.ts';
import { insertPasskey, passkeysOf } from './factor-store.ts';
import { requireProvenSession } from './freshness.ts';
import { factorAdded } from './manage.ts';
import { readRegistration, registrationOptions, relyingParty } from './passkeys.ts';
import type { FactorDeps } from './second-step.ts';
import { challengeTicket, spendTicket, tryTicket } from './ticket-store.ts';

/** The page of a registration, in the browser that opened it first. */
export interface RegistrationPage {
  ticket: string;
  browser: string;
  origin: string;
}

/**
 * What the page shows, with a fresh challenge. Throws AppError `not_found` for a ticket that is used, too old or opened
 * in another browser, `conflict` at an address under which browsers keep no passkeys.
 */
export async function openRegistration(
  { db, clock }: FactorDeps,
  { ticket, browser, origin }: RegistrationPage,
): Promise<{ email: string; name: string; options: string }> {
  const rpId = requireName(origin);
  const place = { kind: 'register', browser } as const;
  const opened = await db.asIdentity(async (tx) => {
    const found = await challengeTicket(tx, { ticket, place, challenge: null }, clock.now());
    if (!found) return null;
    const { userId, email, name } = found;
    const known = await passkeysOf(tx, { userId, rpId });
    const { json, challenge } = await registrationOptions({ rpId, userId, email, known });
    await challengeTicket(tx, { ticket, place, challenge }, clock.now());
    return { email, name: name ?? '', options: json };
  });
  if (!opened) throw noSuchTicket();
  return opened;
}

/**
 * Adds the passkey that the browser has made. Answers recovery codes when it is the first factor of the person; null when
 * the answer does not fit. Throws AppError `not_found` and `conflict` as opening does, and `second_factor_required` when
 * another factor came first and was not shown in the session that asked.
 */
export async function finishRegistration(
  { db, vault, clock }: FactorDeps,
  { ticket, browser, origin, passkey }: RegistrationPage & { passkey: string },
): Promise<{ recoveryCodes: string[] } | null> {
  const rpId = requireName(origin);
  const nowMs = clock.now();
  const place = { kind: 'register', browser } as const;
  const outcome = await db.asIdentity(async (tx) => {
    const found = await tryTicket(tx, { ticket, place }, nowMs);
    if (!found || found.sessionId === null) return 'gone';
    const { userId, challenge, name } = found;
    const owner = { userId, sessionId: brandId<'Session'>(found.sessionId) };
    await requireProvenSession(tx, owner);
    const made = challenge === null ? null : await readRegistration(passkey, { challenge, origin, rpId });
    if (!made) return null;
    const key = { ...made, id: newId(nowMs), userId, name: name ?? '', rpId };
    if (!(await spendTicket(tx, ticket)) || !(await insertPasskey(tx, key, nowMs))) return 'gone';
    return { recoveryCodes: await factorAdded({ tx, vault, nowMs }, owner, key.name) };
  });
  if (outcome === 'gone') throw noSuchTicket();
  return outcome;
}

function requireName(origin: string): string {
  const rpId = relyingParty(origin);
  if (rpId !== null) return rpId;
  throw new AppError('conflict', {
    message:
      'Browsers keep no passkeys for a bare address. Open this server by its name, for example localhost.',
  });
}

function noSuchTicket(): AppError {
  return new AppError('not_found', {
    message: 'This address was used already, is too old or was opened in another browser. Ask for a new one.',
  });
}
