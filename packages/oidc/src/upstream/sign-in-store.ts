import { brandId, type UserId } from '@hexabase/kernel/id.ts';
import type { Proven } from '../sessions/proof.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import { recordAuth } from '../auth-audit.ts';
import type { GroupClaim } from './group-claim.ts';

/** A browser and the page in it that waits for somebody to sign in. */
export interface Place {
  browserHash: string;
  /** Path and query of our own page. */
  returnTo: string;
}

export interface StartedSignIn extends Place {
  id: string;
  providerId: string;
  redirectUri: string;
  /** Nonce and code verifier, sealed. */
  secrets: string;
}

const startedMs = 600_000;
const provenMs = 300_000;
/** A little longer than the second step may take. */
const takenMs = 360_000;
/** One browser cannot fill the table. */
const startedPerBrowserMax = 20;

/** Notes that a browser was sent away. */
export async function insertStarted(tx: Tx, started: StartedSignIn, nowMs: number): Promise<void> {
  await sql`
    DELETE FROM hexabase.upstream_sign_ins WHERE id IN (
      SELECT id FROM hexabase.upstream_sign_ins WHERE browser_hash = ${started.browserHash}
      ORDER BY expires_at DESC OFFSET ${startedPerBrowserMax - 1})`.execute(tx);
  await sql`
    INSERT INTO hexabase.upstream_sign_ins
      (id, provider_id, state, browser_hash, return_to, redirect_uri, secrets_sealed, expires_at)
    VALUES (${started.id}, ${started.providerId}, 'started', ${started.browserHash}, ${started.returnTo},
      ${started.redirectUri}, ${started.secrets}, ${new Date(nowMs + startedMs)})`.execute(tx);
}

/** Spends a started sign-in: of any number of answers only the first finds it, and only in the browser that began. */
export async function takeStarted(
  tx: Tx,
  asked: { id: string; browserHash: string; providerId: string },
  nowMs: number,
): Promise<StartedSignIn | null> {
  const { rows } = await sql<StartedSignIn>`
    DELETE FROM hexabase.upstream_sign_ins
    WHERE id = ${asked.id} AND browser_hash = ${asked.browserHash} AND provider_id = ${asked.providerId}
      AND state = 'started' AND expires_at > ${new Date(nowMs)}
    RETURNING id, provider_id AS "providerId", browser_hash AS "browserHash", return_to AS "returnTo",
      redirect_uri AS "redirectUri", secrets_sealed AS secrets`.execute(tx);
  return rows[0] ?? null;
}

export interface Link {
  providerId: string;
  subject: string;
  userId: UserId;
  email: string;
}

/** Notes who sits at the browser (`proven`), or whose account they must prove to own first (`confirm`). */
export async function insertOutcome(
  tx: Tx,
  outcome: Link & {
    state: 'proven' | 'confirm';
    secondFactor: boolean;
    proof: number;
    groups: GroupClaim | null;
    started: StartedSignIn;
  },
  nowMs: number,
): Promise<void> {
  const { started } = outcome;
  // The last one counts: the page names one person.
  await sql`DELETE FROM hexabase.upstream_sign_ins
    WHERE browser_hash = ${started.browserHash} AND return_to = ${started.returnTo} AND state = 'proven'`.execute(
    tx,
  );
  await sql`
    INSERT INTO hexabase.upstream_sign_ins
      (id, provider_id, state, browser_hash, return_to, redirect_uri, secrets_sealed, user_id, subject, email,
        second_factor, proof, groups, expires_at)
    VALUES (${started.id}, ${outcome.providerId}, ${outcome.state}, ${started.browserHash}, ${started.returnTo},
      ${started.redirectUri}, '', ${outcome.userId}, ${outcome.subject}, ${outcome.email}, ${outcome.secondFactor},
      ${outcome.proof},
      ${outcome.groups && JSON.stringify(outcome.groups)}::jsonb, ${new Date(nowMs + provenMs)})`.execute(tx);
}

export interface Outcome {
  state: 'proven' | 'confirm';
  /** Of the account. */
  email: string;
  /** Of the provider. */
  label: string;
}

/** What came of the last sign-in for this page. */
export async function findOutcome(tx: Tx, place: Place, nowMs: number): Promise<Outcome | null> {
  const { rows } = await sql<Outcome>`
    SELECT s.state, u.email, p.label FROM hexabase.upstream_sign_ins s
    JOIN hexabase.identity_providers p ON p.id = s.provider_id AND p.enabled
    JOIN hexabase.users u ON u.id = s.user_id
    WHERE s.browser_hash = ${place.browserHash} AND s.return_to = ${place.returnTo} AND s.state in ('proven', 'confirm')
      AND s.expires_at > ${new Date(nowMs)}
    ORDER BY s.state = 'proven' DESC, s.expires_at DESC LIMIT 1`.execute(tx);
  return rows[0] ?? null;
}

/**
 * Spends a proof: whose it is, or null. A disabled account proves nothing. What the provider said about groups waits on
 * the page for the rest of the sign-in, the last one's alone.
 */
export async function takeProven(tx: Tx, place: Place, nowMs: number): Promise<Proven | null> {
  await sql`DELETE FROM hexabase.upstream_sign_ins WHERE browser_hash = ${place.browserHash}
    AND return_to = ${place.returnTo} AND state = 'taken'`.execute(tx);
  const { rows } = await sql<{ userId: string; secondFactor: boolean; proof: number }>`
    UPDATE hexabase.upstream_sign_ins s SET state = 'taken', expires_at = ${new Date(nowMs + takenMs)}
    FROM hexabase.identity_providers p, hexabase.users u
    WHERE s.browser_hash = ${place.browserHash} AND s.return_to = ${place.returnTo} AND s.state = 'proven'
      AND s.expires_at > ${new Date(nowMs)} AND p.id = s.provider_id AND p.enabled
      AND u.id = s.user_id AND u.disabled_at IS NULL
    RETURNING s.user_id AS "userId", s.second_factor AS "secondFactor", s.proof::float8 AS proof`.execute(tx);
  const [row] = rows;
  return row ? { ...row, userId: brandId(row.userId) } : null;
}

interface Waiting extends Link {
  state: 'confirm' | 'taken';
  groups: GroupClaim | null;
}

/**
 * Makes the links that wait for this person to have signed in, here and now. Answers what the providers of this sign-in
 * said about their groups, each provider once.
 */
export async function linkConfirmed(
  tx: Tx,
  place: Place & { userId: UserId },
  nowMs: number,
): Promise<Pick<Waiting, 'providerId' | 'groups'>[]> {
  const { rows } = await sql<Waiting>`
    WITH waiting AS (
      DELETE FROM hexabase.upstream_sign_ins
      WHERE browser_hash = ${place.browserHash} AND return_to = ${place.returnTo} AND state IN ('confirm', 'taken')
        AND user_id = ${place.userId} AND expires_at > ${new Date(nowMs)}
      RETURNING *
    )
    SELECT provider_id AS "providerId", subject, user_id AS "userId", email, state, groups FROM waiting
    ORDER BY expires_at DESC`.execute(tx);
  const said = new Map<string, GroupClaim | null>();
  for (const { state, groups, ...link } of rows) {
    // Somebody else's since: then it says nothing about this person.
    if (state === 'confirm' && !(await insertLink(tx, link, nowMs))) continue;
    if (!said.has(link.providerId)) said.set(link.providerId, groups);
  }
  return [...said].map(([providerId, groups]) => ({ providerId, groups }));
}

/** Whose account a provider's subject is linked to, as the account is now. */
export async function findLinked(
  tx: Tx,
  external: { providerId: string; subject: string },
): Promise<{ userId: UserId; proof: number } | null> {
  const { rows } = await sql<{ userId: string; proof: number }>`
    SELECT e.user_id AS "userId", u.proof_epoch::float8 AS proof
    FROM hexabase.external_identities e JOIN hexabase.users u ON u.id = e.user_id
    WHERE e.provider_id = ${external.providerId} AND e.subject = ${external.subject}`.execute(tx);
  const [row] = rows;
  return row ? { ...row, userId: brandId(row.userId) } : null;
}

/** Answers false when the provider's subject is linked already. */
export async function insertLink(tx: Tx, link: Link, nowMs: number): Promise<boolean> {
  const { rows } = await sql`
    INSERT INTO hexabase.external_identities (provider_id, subject, user_id, email, linked_at)
    VALUES (${link.providerId}, ${link.subject}, ${link.userId}, ${link.email}, ${new Date(nowMs)})
    ON CONFLICT DO NOTHING RETURNING subject`.execute(tx);
  if (rows.length === 0) return false;
  const details = { providerId: link.providerId };
  await recordAuth(tx, { userId: link.userId, action: 'auth.link', details }, nowMs);
  return true;
}

/** Removes sign-ins that nobody can finish any more. */
export async function pruneUpstreamSignIns(tx: Tx, nowMs: number): Promise<void> {
  await sql`DELETE FROM hexabase.upstream_sign_ins WHERE expires_at < ${new Date(nowMs)}`.execute(tx);
}
