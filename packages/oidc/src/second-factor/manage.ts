import { AppError } from '@hexabase/kernel/errors.ts';
import { newId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import {
  confirmTotp,
  deleteFactor,
  factorName,
  findPendingTotp,
  hasFactor,
  insertPendingTotp,
  listFactors,
  recoveryCodesLeft,
  replaceRecoveryCodes,
  type FactorRow,
} from './factor-store.ts';
import {
  organizationsThatAsk,
  requireFreshSession,
  requireProvenSession,
  unmarkSessions,
  markSession,
  type Owner,
} from './freshness.ts';
import { tellPerson, type FactorEvent } from './notices.ts';
import { newRecoveryCodes, recoveryCodeHash } from './recovery-codes.ts';
import { factorContext, type FactorDeps } from './second-step.ts';
import { insertTicket, registrationSeconds } from './ticket-store.ts';
import { newTotpSecret, otpauthUri, totpCodeOf, totpStep } from './totp.ts';

/** More than anybody needs; a stolen session must not fill the table. */
const factorsMax = 10;
/** How long a secret waits for its first code. */
const pendingMs = 600_000;

/** A factor, or the recovery codes as one. */
export interface ListedFactor extends Omit<FactorRow, 'kind'> {
  kind: FactorRow['kind'] | 'recovery-codes';
  /** Recovery codes that were not used yet. */
  left: number | null;
}

/** What the person has, without secrets. */
export async function listOwnFactors({ db }: FactorDeps, userId: string): Promise<ListedFactor[]> {
  return db.asIdentity(async (tx) => {
    const factors = (await listFactors(tx, userId)).map((factor) => ({ ...factor, left: null }));
    const left = await recoveryCodesLeft(tx, userId);
    const [first] = factors;
    if (left === null || !first) return factors;
    const codes = { id: 'recovery-codes', kind: 'recovery-codes', name: 'Recovery codes', left } as const;
    return [...factors, { ...codes, createdAt: first.createdAt, lastUsedAt: null }];
  });
}

/** Makes a secret for an authenticator app; it counts once a code of it was shown. Answers it this once. */
export async function addTotp(
  { db, vault, clock }: FactorDeps,
  owner: Owner,
  name: string,
): Promise<{ id: string; secret: string; uri: string }> {
  const nowMs = clock.now();
  const id = newId(nowMs);
  const secret = newTotpSecret();
  const sealed = vault.seal(Buffer.from(secret), factorContext(id));
  const { email } = await db.asIdentity(async (tx) => {
    const found = await requireRoom(tx, owner, nowMs);
    await insertPendingTotp(tx, { id, userId: owner.userId, name, sealed }, nowMs);
    return found;
  });
  return { id, secret, uri: otpauthUri({ secret, account: email, issuer: 'Hexabase AI' }) };
}

/**
 * The first code of an app: from now on it is asked. Answers recovery codes when it is the first factor of the person.
 * Throws AppError `not_found`, `second_factor_required` when another factor came first and was not shown in this session,
 * and `validation_failed` for a code that does not fit.
 */
export async function confirmOwnTotp(
  { db, vault, clock }: FactorDeps,
  owner: Owner,
  { id, code }: { id: string; code: string },
): Promise<{ recoveryCodes: string[] }> {
  const nowMs = clock.now();
  return db.asIdentity(async (tx) => {
    await requireProvenSession(tx, owner);
    const which = { id, userId: owner.userId, since: new Date(nowMs - pendingMs) };
    const pending = await findPendingTotp(tx, which);
    if (!pending) throw new AppError('not_found', { message: 'No new second factor waits for a code.' });
    const digits = totpCodeOf(code);
    const secret = vault.open(pending.sealed, factorContext(id)).toString();
    const step = digits === null ? null : totpStep(secret, digits, nowMs);
    if (step === null) throw wrongCode();
    await confirmTotp(tx, { id, step }, nowMs);
    return { recoveryCodes: await factorAdded({ tx, vault, nowMs }, owner, pending.name) };
  });
}

/** A ticket with which a page of ours adds a passkey. */
export async function addPasskey(
  { db, clock }: FactorDeps,
  owner: Owner,
  name: string,
): Promise<{ ticket: string; expiresAt: Date }> {
  const nowMs = clock.now();
  const ticket = await db.asIdentity(async (tx) => {
    await requireRoom(tx, owner, nowMs);
    return insertTicket(tx, { kind: 'register', ...owner, name }, nowMs);
  });
  return { ticket, expiresAt: new Date(nowMs + registrationSeconds * 1000) };
}

/** New codes instead of the old ones. Throws AppError `conflict` for somebody without a second factor. */
export async function renewRecoveryCodes(
  { db, vault, clock }: FactorDeps,
  owner: Owner,
): Promise<{ recoveryCodes: string[] }> {
  const nowMs = clock.now();
  return db.asIdentity(async (tx) => {
    const { email } = await requireFreshSession(tx, owner, nowMs);
    if (!(await hasFactor(tx, owner.userId))) {
      throw new AppError('conflict', { message: 'Add a second factor first; recovery codes come with it.' });
    }
    await tellPerson(tx, { userId: owner.userId, email, event: { what: 'codes-renewed' }, vault, nowMs });
    return { recoveryCodes: await giveCodes(tx, owner.userId) };
  });
}

/**
 * Removes a factor of the person. Throws AppError `not_found`, and `conflict` for the last one while an organization of
 * theirs asks for one: nobody locks themselves out unknowingly.
 */
export async function removeFactor(
  { db, vault, clock }: FactorDeps,
  owner: Owner,
  id: string,
): Promise<{ name: string }> {
  const nowMs = clock.now();
  return db.asIdentity(async (tx) => {
    const name = await factorName(tx, { id, userId: owner.userId });
    if (name === null) throw new AppError('not_found');
    // Before it goes: what is asked of the session depends on what there is.
    const { email } = await requireFreshSession(tx, owner, nowMs);
    const wasAsked = await deleteFactor(tx, { id, userId: owner.userId });
    // One that was never confirmed: without it everything is as before.
    if (!wasAsked) return { name };
    if (!(await hasFactor(tx, owner.userId))) {
      const asking = await organizationsThatAsk(tx, owner.userId);
      if (asking.length > 0) {
        throw new AppError('conflict', {
          message: `Add another second factor first: ${asking.join(', ')} asks its members for one.`,
        });
      }
      await replaceRecoveryCodes(tx, owner.userId, []);
      await unmarkSessions(tx, owner.userId);
    }
    await tellPerson(tx, { userId: owner.userId, email, event: { what: 'removed', name }, vault, nowMs });
    return { name };
  });
}

/** What every new factor brings: the session counts as proven by two, a letter, and codes with the first one. */
export async function factorAdded(
  { tx, vault, nowMs }: { tx: Tx; vault: FactorDeps['vault']; nowMs: number },
  owner: Owner,
  name: string,
): Promise<string[]> {
  const { email } = await markSession(tx, owner, nowMs);
  const event: FactorEvent = { what: 'added', name };
  await tellPerson(tx, { userId: owner.userId, email, event, vault, nowMs });
  return (await recoveryCodesLeft(tx, owner.userId)) === null ? giveCodes(tx, owner.userId) : [];
}

async function giveCodes(tx: Tx, userId: string): Promise<string[]> {
  const codes = newRecoveryCodes();
  const hashes = codes.map((code) => recoveryCodeHash(userId, code) ?? '');
  await replaceRecoveryCodes(tx, userId, hashes);
  return codes;
}

async function requireRoom(tx: Tx, owner: Owner, nowMs: number): Promise<{ email: string }> {
  const found = await requireFreshSession(tx, owner, nowMs);
  if ((await listFactors(tx, owner.userId)).length >= factorsMax) {
    throw new AppError('conflict', {
      message: `There are ${factorsMax} second factors already; remove one.`,
    });
  }
  return found;
}

function wrongCode(): AppError {
  const message = 'does not fit; look whether the clock of your device is right';
  return new AppError('validation_failed', { details: { fields: [{ path: 'code', message }] } });
}
