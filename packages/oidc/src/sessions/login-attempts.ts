import { hash } from 'node:crypto';
import { addressBlock } from '@hexabase/kernel/client-address.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

/**
 * Progressive delays, kept in PostgreSQL so that they hold across replicas and restarts. Two counters: account and
 * address together (a stranger elsewhere cannot lock the owner out), and address alone (one address tries many accounts).
 * Passwords have a third, of the account from all places together where its owner never was; once it is full, each of these
 * places is given a turn, in the order in which they ask, so many a minute. Devices that are known have counters of their own
 * (`known-devices.ts`) and none of these.
 */
interface Counter {
  key: string;
  /** Failures that cost nothing. */
  free: number;
  /** The longest delay. */
  delayMsMax: number;
}

const windowMs = 3_600_000;
const delayMsMax = 15 * 60_000;
/** Wrong passwords from new places together that cost nothing. */
const strangersFree = 100;
/** Between two tries of one new place after that. Short: it is the owner, too, who waits for it. */
const strangersDelayMs = 60_000;
/** Turns of all new places together after that: so many at one moment, and the next at this distance. */
const turns = { atOnce: 30, everyMs: 60_000 };
/** No turn is given further ahead: who has that many addresses keeps all new places out. */
const turnsAheadMs = 3_600_000;

export interface LoginPlace {
  email: string;
  address: string;
  /** Failures of the two together that cost nothing; 10 when absent. */
  free?: number;
}

/**
 * Counts an attempt before the password is looked at, so that parallel guesses are counted too.
 * Throws AppError `rate_limited` with `retryAfterSeconds` while a delay runs; refused attempts do not lengthen it.
 */
export async function reserveAttempt(tx: Tx, place: LoginPlace, nowMs: number): Promise<void> {
  for (const counter of countersOf(place)) await reserve(tx, counter, nowMs);
}

/**
 * The same for a password that is tried on an unknown device at a place where its owner never was. Such places are counted
 * together; after too many each has one try at a time, when its turn has come: `queueStranger` gives the first, a minute
 * later or, behind others, as many minutes as it takes. Guessers must not keep out the owner who does as they are told.
 * Throws as `reserveAttempt` does.
 */
export async function reserveStrangersAttempt(tx: Tx, place: LoginPlace, nowMs: number): Promise<void> {
  const now = new Date(nowMs);
  const { rows } = await sql<{ failures: number }>`
    INSERT INTO hexabase.login_attempts AS a (key, failures, last_at) VALUES (${strangersKey(place.email)}, 1, ${now})
    ON CONFLICT (key) DO UPDATE SET last_at = ${now},
      failures = CASE WHEN a.last_at < ${new Date(nowMs - windowMs)} THEN 1 ELSE a.failures + 1 END
    RETURNING failures`.execute(tx);
  if ((rows[0]?.failures ?? 0) <= strangersFree) return;
  const key = turnKey(place);
  const turn = await sql`
    SELECT 1 FROM hexabase.login_attempts WHERE key = ${key} AND blocked_until <= ${now} FOR UPDATE`.execute(
    tx,
  );
  if (turn.rows.length === 0) throw await delayed(tx, { key, otherwiseMs: strangersDelayMs }, nowMs);
  const next = (await giveTurn(tx, place.email, nowMs)) ?? new Date(nowMs + turnsAheadMs);
  await sql`UPDATE hexabase.login_attempts SET last_at = ${now}, blocked_until = ${next}
    WHERE key = ${key}`.execute(tx);
}

/**
 * Gives a place its first turn, where there are turns; in a transaction of its own, after the one that was refused. Answers
 * the refusal that says when, or null when there is nothing new to say.
 */
export async function queueStranger(tx: Tx, place: LoginPlace, nowMs: number): Promise<AppError | null> {
  const key = turnKey(place);
  const { rows } = await sql`
    SELECT 1 FROM hexabase.login_attempts
    WHERE key = ${strangersKey(place.email)} AND failures >= ${strangersFree} AND last_at >= ${new Date(nowMs - windowMs)}
      AND NOT EXISTS (SELECT FROM hexabase.login_attempts WHERE key = ${key})`.execute(tx);
  const turn = rows.length > 0 && (await giveTurn(tx, place.email, nowMs));
  if (!turn) return null;
  await sql`
    INSERT INTO hexabase.login_attempts (key, failures, last_at, blocked_until)
    VALUES (${key}, 0, ${new Date(nowMs)}, ${turn}) ON CONFLICT (key) DO NOTHING`.execute(tx);
  return tooMany(turn.getTime() - nowMs);
}

/** The next moment that is not given to as many as may have it; null when that is too far ahead. */
async function giveTurn(tx: Tx, email: string, nowMs: number): Promise<Date | null> {
  const [now, earliest] = [new Date(nowMs), new Date(nowMs + strangersDelayMs)];
  const hasRoom = sql`a.blocked_until >= ${earliest} AND a.failures < ${turns.atOnce}`;
  const { rows } = await sql<{ turn: Date }>`
    INSERT INTO hexabase.login_attempts AS a (key, failures, last_at, blocked_until)
    VALUES (${keyOf('crowd', email)}, 1, ${now}, ${earliest})
    ON CONFLICT (key) DO UPDATE SET last_at = ${now},
      failures = CASE WHEN ${hasRoom} THEN a.failures + 1 ELSE 1 END,
      blocked_until = CASE WHEN ${hasRoom} THEN a.blocked_until
        ELSE greatest(${earliest}::timestamptz, a.blocked_until + ${turns.everyMs} * interval '1 millisecond') END
    WHERE a.blocked_until <= ${new Date(nowMs + turnsAheadMs)}
    RETURNING blocked_until AS turn`.execute(tx);
  return rows[0]?.turn ?? null;
}

/** Counts what the holder of a session tries as the current password: nobody else's tries are in it. Throws as `reserveAttempt` does. */
export async function reserveOwnAttempt(tx: Tx, sessionId: string, nowMs: number): Promise<void> {
  await reserve(tx, { key: keyOf('session', sessionId), free: 10, delayMsMax }, nowMs);
}

/** Gives one of these back that was not looked at after all. */
export async function returnOwnAttempt(tx: Tx, sessionId: string): Promise<void> {
  await giveBack(tx, keyOf('session', sessionId));
}

async function reserve(tx: Tx, counter: Counter, nowMs: number): Promise<void> {
  const { rows } = await sql<{ key: string }>`
      INSERT INTO hexabase.login_attempts AS a (key, failures, last_at) VALUES (${counter.key}, 1, ${new Date(nowMs)})
      ON CONFLICT (key) DO UPDATE SET
        failures = CASE WHEN a.last_at < ${new Date(nowMs - windowMs)} THEN 1 ELSE a.failures + 1 END,
        last_at = ${new Date(nowMs)},
        blocked_until = CASE
          WHEN a.last_at >= ${new Date(nowMs - windowMs)} AND a.failures + 1 > ${counter.free}
          THEN ${new Date(nowMs)}::timestamptz
            + least(${counter.delayMsMax}, 1000 * power(2, least(a.failures - ${counter.free}, 20))) * interval '1 millisecond'
        END
      WHERE a.blocked_until IS NULL OR a.blocked_until <= ${new Date(nowMs)}
      RETURNING key`.execute(tx);
  if (rows.length === 0) throw await delayed(tx, { key: counter.key, otherwiseMs: 1_000 }, nowMs);
}

/** Forgets the failures of this account from this address, and gives back the attempt to the address. */
export async function forgiveAttempts(tx: Tx, place: LoginPlace): Promise<void> {
  const [pair, address] = countersOf(place);
  await sql`DELETE FROM hexabase.login_attempts WHERE key = ${pair.key}`.execute(tx);
  await giveBack(tx, address.key);
}

/** Gives back one that was the owner's, at a new place; whoever guesses meanwhile waits on. */
export async function returnStrangersAttempt(tx: Tx, email: string): Promise<void> {
  await sql`UPDATE hexabase.login_attempts SET failures = greatest(failures - 1, 0)
    WHERE key = ${strangersKey(email)}`.execute(tx);
}

/** Gives back the turn of a place whose password was not looked at after all. */
export async function returnTurn(tx: Tx, place: LoginPlace, nowMs: number): Promise<void> {
  const now = new Date(nowMs);
  await sql`UPDATE hexabase.login_attempts SET blocked_until = ${now}
    WHERE key = ${turnKey(place)} AND blocked_until > ${now}`.execute(tx);
}

/** With a new password: what was tried for the old one slows nobody any more. */
export async function forgetStrangers(tx: Tx, email: string): Promise<void> {
  await sql`DELETE FROM hexabase.login_attempts WHERE key = ${strangersKey(email)}`.execute(tx);
}

/** Gives back one attempt that was right, and forgets nothing: who can make right ones at will must not wash off wrong ones. */
export async function returnAttempt(tx: Tx, place: LoginPlace): Promise<void> {
  for (const { key } of countersOf(place)) await giveBack(tx, key);
}

async function giveBack(tx: Tx, key: string): Promise<void> {
  await sql`UPDATE hexabase.login_attempts SET failures = greatest(failures - 1, 0), blocked_until = NULL
    WHERE key = ${key}`.execute(tx);
}

/** Removes counters that no longer count. Age is the only reason to go: a flood of names evicts nobody's counter. */
export async function pruneAttempts(tx: Tx, nowMs: number): Promise<void> {
  await sql`DELETE FROM hexabase.login_attempts WHERE last_at < ${new Date(nowMs - windowMs - delayMsMax)}`.execute(
    tx,
  );
}

function countersOf({ email, address, free = 10 }: LoginPlace): [Counter, Counter] {
  const place = { email, address: addressBlock(address) };
  return [
    { key: keyOf('pair', `${place.email}\n${place.address}`), free, delayMsMax },
    { key: keyOf('address', place.address), free: 100, delayMsMax },
  ];
}

function strangersKey(email: string): string {
  return keyOf('strangers', email);
}

function turnKey({ email, address }: LoginPlace): string {
  return keyOf('turn', `${email}\n${addressBlock(address)}`);
}

function keyOf(kind: string, text: string): string {
  return `${kind}:${hash('sha256', text, 'base64url')}`;
}

async function delayed(
  tx: Tx,
  { key, otherwiseMs }: { key: string; otherwiseMs: number },
  nowMs: number,
): Promise<AppError> {
  const { rows } = await sql<{ blocked_until: Date | null }>`
    SELECT blocked_until FROM hexabase.login_attempts WHERE key = ${key}`.execute(tx);
  const untilMs = rows[0]?.blocked_until?.getTime() ?? nowMs + otherwiseMs;
  return tooMany(untilMs - nowMs);
}

function tooMany(waitMs: number): AppError {
  return new AppError('rate_limited', {
    message: 'Too many wrong attempts; wait and try again.',
    details: { retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1_000)) },
  });
}
