import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import { pruneFederation } from './federation/federation-store.ts';
import { pruneLetterCodes } from './letters/code-store.ts';
import { pruneDeviceTries } from './sessions/known-devices.ts';
import { rememberedMs } from './sessions/known-places.ts';
import { pruneRequestBuckets } from './sessions/request-bucket-store.ts';
import { pruneTickets } from './second-factor/ticket-store.ts';
import { pruneUpstreamSignIns } from './upstream/sign-in-store.ts';

/**
 * How long an ended session is kept: to recognise a replayed refresh token, to explain what happened, and as long as the
 * place where it was counts as known.
 */
const endedKeptMs = rememberedMs;

/** Removes sessions that ended or expired long ago (with their refresh tokens) and expired provider payloads. */
export async function pruneIdentity(tx: Tx, nowMs: number): Promise<void> {
  const before = new Date(nowMs - endedKeptMs);
  await sql`DELETE FROM hexabase.sessions WHERE ended_at < ${before} OR expires_at < ${before}`.execute(tx);
  await sql`DELETE FROM oidc.payloads WHERE expires_at < ${new Date(nowMs)}`.execute(tx);
  await pruneUpstreamSignIns(tx, nowMs);
  await pruneLetterCodes(tx, nowMs);
  await pruneTickets(tx, nowMs);
  await pruneFederation(tx, nowMs);
  await pruneRequestBuckets(tx, nowMs);
  await pruneDeviceTries(tx, nowMs);
}
