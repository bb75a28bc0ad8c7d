import { problemOfRule } from '@hexabase/contract/people/whose-jobs.ts';
import { newApiToken } from '@hexabase/kernel/api-token.ts';
import type { Clock } from '@hexabase/kernel/clock.ts';
import { newId } from '@hexabase/kernel/id.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import { setImmediate } from 'node:timers/promises';
import { recordAuth, type AuthEvent } from '../auth-audit.ts';
import { GrantError } from '../interaction/grant-error.ts';
import { reserveAttempt, returnAttempt, type LoginPlace } from '../sessions/login-attempts.ts';
import { unmetCondition } from './conditions.ts';
import { insertGivenToken, rulesFor, takeOnce, type FederationRule } from './federation-store.ts';
import { openIssuerKeys, type IssuerKeys } from './issuer-keys.ts';
import type { PrivateHosts } from './safe-fetch.ts';
import { claimedIssuer, isFor, verifySubject, type SubjectClaims } from './subject-token.ts';

export interface FederationDeps {
  db: Pick<Database, 'asIdentity'>;
  clock: Clock;
  /** Hosts of issuers that may have an address which is not public. */
  privateHosts: PrivateHosts;
}

export interface SubjectToken {
  token: string;
  /** E-mail address of the service account that the job wants to be. */
  serviceAccount: string;
  /** Where the request came from. */
  address: string;
}

export interface ExchangedToken {
  token: string;
  /** Seconds. */
  expiresIn: number;
  scope: string;
}

/** Takes tokens that CI systems sign (RFC 8693). */
export interface Federation {
  /**
   * Gives an API token of the service account for a token of an issuer that one of its rules names and whose conditions
   * it meets. Throws GrantError `invalid_grant` for every token that does not fit and says to the caller nothing more;
   * why stands in the audit log of the organization. Throws AppError `rate_limited` for an address that sent too many such,
   * before anything is verified or written.
   */
  exchange(presented: SubjectToken): Promise<ExchangedToken>;
}

export const federatedTokenSeconds = 900;
const skewMs = 60_000;
/** Many jobs come from one address, and a rule that is being written is missed often. */
const refusedFree = 50;

export function openFederation(deps: FederationDeps): Federation {
  const keys = openIssuerKeys(deps);
  return { exchange: (presented) => exchange({ ...deps, keys }, presented) };
}

interface Context extends FederationDeps {
  keys: IssuerKeys;
}

async function exchange(context: Context, presented: SubjectToken): Promise<ExchangedToken> {
  const { db } = context;
  const issuer = claimedIssuer(presented.token);
  if (issuer === null) throw refused();
  const asked = { email: presented.serviceAccount.toLowerCase(), issuer };
  // Also where no rule is: the count must not tell which accounts there are.
  const place = placeOf(presented, issuer);
  await db.asIdentity((tx) => reserveAttempt(tx, place, context.clock.now()));
  const rules = await db.asIdentity((tx) => rulesFor(tx, asked), { oneStatement: true });
  const [first] = rules;
  // Nobody is asked for keys on the word of a stranger: only issuers that some rule names.
  if (!first) throw refused();
  let claims: SubjectClaims;
  try {
    claims = await verifySubject(presented.token, issuer, context);
  } catch (cause) {
    return refuse(context, { rule: first, reason: reasonOf(cause) });
  }
  const faults: string[] = [];
  for (const rule of rules) {
    const fault = faultOf(rule, claims);
    if (fault === null) return give(context, { rule, presented, claims });
    faults.push(fault);
    // A hundred rules are somebody else's; others have their turn after each.
    await setImmediate();
  }
  return refuse(context, { rule: first, claims, reason: faults.join('; ') });
}

/** Why a token is not one of those that the rule takes; null when it is. */
function faultOf(rule: FederationRule, claims: SubjectClaims): string | null {
  const problem = problemOfRule(rule);
  if (problem !== null) return `${rule.name}: ${problem}`;
  if (!isFor(claims, rule.audience)) return `${rule.name}: the audience is another`;
  const unmet = unmetCondition(claims, rule.conditions);
  return unmet === null ? null : `${rule.name}: ${unmet} does not hold`;
}

interface Matched {
  rule: FederationRule;
  presented: SubjectToken;
  claims: SubjectClaims;
}

async function give(context: Context, { rule, presented, claims }: Matched): Promise<ExchangedToken> {
  const nowMs = context.clock.now();
  const made = newApiToken('sat');
  const given = {
    id: newId(nowMs),
    tokenHash: made.hash,
    expiresAt: new Date(nowMs + federatedTokenSeconds * 1000),
  };
  // A refusal is answered, not thrown, inside the transaction: it must be recorded.
  const isGiven = await context.db.asIdentity(async (tx) => {
    const { jti } = claims;
    const expiresAt = new Date(claims.exp * 1000 + skewMs);
    const isFresh = typeof jti !== 'string' || (await takeOnce(tx, { issuer: claims.iss, jti, expiresAt }));
    if (!isFresh || !(await insertGivenToken(tx, rule, { ...given, nowMs }))) return false;
    await returnAttempt(tx, placeOf(presented, rule.issuer));
    const details = { ...factsOf(rule, claims), tokenId: given.id };
    await recordAuth(tx, { ...exchangeBy(rule), details }, nowMs);
    return true;
  });
  if (!isGiven) return refuse(context, { rule, claims, reason: 'the token was used before' });
  const scope = rule.workspaceId === null ? rule.scope : `workspace:${rule.workspaceId}`;
  return { token: made.token, expiresIn: federatedTokenSeconds, scope };
}

async function refuse(
  { db, clock }: Context,
  { rule, claims, reason }: { rule: FederationRule; claims?: SubjectClaims; reason: string },
): Promise<never> {
  const details = { ...factsOf(rule, claims ?? {}), reason: reason.slice(0, 1_000) };
  const event: AuthEvent = { ...exchangeBy(rule), outcome: 'denied', details };
  await db.asIdentity((tx) => recordAuth(tx, event, clock.now()));
  throw refused();
}

/** The event as it lands in the log of the rule's organization. */
function exchangeBy({ id, organizationId, userId }: FederationRule) {
  return { userId, organizationId, action: 'federation.exchange', target: `federation/${id}` } as const;
}

/** What is counted together. */
function placeOf({ serviceAccount, address }: SubjectToken, issuer: string): LoginPlace {
  return { email: `federation ${issuer} ${serviceAccount.toLowerCase()}`, address, free: refusedFree };
}

/** Who the job said that it is; only of a token whose signature was right. */
function factsOf(rule: FederationRule, { sub, jti }: Pick<Partial<SubjectClaims>, 'sub' | 'jti'>) {
  return {
    federation: rule.name,
    issuer: rule.issuer,
    ...(sub !== undefined && { subject: sub.slice(0, 500) }),
    ...(typeof jti === 'string' && { jti: jti.slice(0, 200) }),
  };
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : 'the token cannot be read';
}

function refused(): GrantError {
  return new GrantError('invalid_grant', 'The token is not one that this service account takes.');
}
