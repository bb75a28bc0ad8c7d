import { hash, randomBytes } from 'node:crypto';
import { brandId, type UserId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

/** Between the first and the second step of a sign-in. */
export const stepSeconds = 300;
/** For opening a page in a browser. */
export const registrationSeconds = 600;
/** A ticket is void after so many wrong answers, whatever the brakes on the account say. */
const triesMax = 5;
const ticketPattern = /^hksf_[\w-]{43}$/;

/** One page of ours in one browser. */
export interface PagePlace {
  /** What only this browser has. */
  browser: string;
  /** Path and query. */
  page: string;
}

/** Where a ticket is good: at programs' own address, on one page, or for one registration. */
export type NewTicket =
  | { kind: 'login'; userId: UserId; proof: number }
  | ({ kind: 'page'; userId: UserId; proof: number } & PagePlace)
  | { kind: 'register'; userId: UserId; sessionId: string; name: string };

/** 256 random bits, of which only the hash is kept. */
export async function insertTicket(tx: Tx, given: NewTicket, nowMs: number): Promise<string> {
  const ticket = `hksf_${randomBytes(32).toString('base64url')}`;
  const seconds = given.kind === 'register' ? registrationSeconds : stepSeconds;
  const [browser, page] = given.kind === 'page' ? [browserHash(given.browser), given.page] : [null, null];
  const proof = given.kind === 'register' ? 0 : given.proof;
  const [sessionId, name] = given.kind === 'register' ? [given.sessionId, given.name] : [null, null];
  await sql`
    INSERT INTO hexabase.factor_tickets (id, user_id, kind, browser_hash, page, session_id, name, proof, expires_at)
    VALUES (${hashOf(ticket)}, ${given.userId}, ${given.kind}, ${browser}, ${page}, ${sessionId}, ${name}, ${proof},
      ${new Date(nowMs + seconds * 1000)})`.execute(tx);
  return ticket;
}

export interface Ticket {
  userId: UserId;
  email: string;
  challenge: string | null;
  sessionId: string | null;
  name: string | null;
  /** Of the first factor. */
  proof: number;
}

export type TicketPlace =
  | { kind: 'login' }
  | ({ kind: 'page' } & PagePlace)
  | { kind: 'register'; browser: string };

/**
 * Counts a try of a ticket and takes its challenge away: each is answered once. Null for a ticket that is unknown, too
 * old, tried too often, of another place, or of an account that was disabled.
 */
export async function tryTicket(
  tx: Tx,
  { ticket, place }: { ticket: string; place: TicketPlace },
  nowMs: number,
): Promise<Ticket | null> {
  if (!ticketPattern.test(ticket)) return null;
  const { rows } = await sql<Omit<Ticket, 'userId'> & { userId: string }>`
    WITH before AS (
      SELECT t.id, t.challenge FROM hexabase.factor_tickets t
      WHERE t.id = ${hashOf(ticket)} AND ${isAt(place)} AND ${mayBeTried(nowMs)} FOR UPDATE
    )
    UPDATE hexabase.factor_tickets t SET tries = t.tries + 1, challenge = NULL
    FROM before, hexabase.users u
    WHERE t.id = before.id AND u.id = t.user_id AND u.disabled_at IS NULL
    RETURNING t.user_id AS "userId", u.email, before.challenge, t.session_id AS "sessionId", t.name,
      t.proof::float8 AS proof`.execute(tx);
  const [row] = rows;
  return row ? { ...row, userId: brandId(row.userId) } : null;
}

/** Puts a new challenge on a ticket that may still be tried; binds a registration to the browser that opened it first. */
export async function challengeTicket(
  tx: Tx,
  { ticket, place, challenge }: { ticket: string; place: TicketPlace; challenge: string | null },
  nowMs: number,
): Promise<Omit<Ticket, 'challenge' | 'proof'> | null> {
  if (!ticketPattern.test(ticket)) return null;
  const opened = place.kind === 'register' ? browserHash(place.browser) : null;
  const { rows } = await sql<{
    userId: string;
    email: string;
    sessionId: string | null;
    name: string | null;
  }>`
    UPDATE hexabase.factor_tickets t
    SET challenge = ${challenge}, browser_hash = coalesce(t.browser_hash, ${opened})
    FROM hexabase.users u
    WHERE t.id = ${hashOf(ticket)} AND ${isAt(place)} AND ${mayBeTried(nowMs)}
      AND u.id = t.user_id AND u.disabled_at IS NULL
    RETURNING t.user_id AS "userId", u.email, t.session_id AS "sessionId", t.name`.execute(tx);
  const [row] = rows;
  return row ? { ...row, userId: brandId(row.userId) } : null;
}

/** It has served. False when somebody else was faster. */
export async function spendTicket(tx: Tx, ticket: string): Promise<boolean> {
  const { numAffectedRows } =
    await sql`DELETE FROM hexabase.factor_tickets WHERE id = ${hashOf(ticket)}`.execute(tx);
  return numAffectedRows === 1n;
}

/** Takes back every sign-in of the person that is half done. */
export async function withdrawTickets(tx: Tx, userId: string): Promise<void> {
  await sql`DELETE FROM hexabase.factor_tickets WHERE user_id = ${userId}`.execute(tx);
}

export async function pruneTickets(tx: Tx, nowMs: number): Promise<void> {
  await sql`DELETE FROM hexabase.factor_tickets WHERE expires_at < ${new Date(nowMs)}`.execute(tx);
}

function mayBeTried(nowMs: number) {
  return sql`t.expires_at > ${new Date(nowMs)} AND t.tries < ${triesMax}`;
}

function isAt(place: TicketPlace) {
  if (place.kind === 'login') return sql`t.kind = 'login'`;
  const browser = browserHash(place.browser);
  if (place.kind === 'register') {
    // Whoever ended that session has taken back what it asked for.
    return sql`t.kind = 'register' AND coalesce(t.browser_hash, ${browser}) = ${browser}
      AND EXISTS (SELECT FROM hexabase.sessions s WHERE s.id = t.session_id AND s.ended_at IS NULL)`;
  }
  return sql`t.kind = 'page' AND t.browser_hash = ${browser} AND t.page = ${place.page}`;
}

function browserHash(browser: string): string {
  return hash('sha256', `second step browser:${browser}`, 'base64url');
}

function hashOf(ticket: string): string {
  return hash('sha256', `second step ticket:${ticket}`, 'base64url');
}
