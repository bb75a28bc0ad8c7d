import { AppError, isAppError } from '@hexabase/kernel/errors.ts';
import { sql } from 'kysely';
import type { TokenSet } from '../sessions/issue-tokens.ts';
import type { Proven } from '../sessions/proof.ts';
import type { Device } from '../sessions/session-store.ts';
import { startSession, type SignInDeps } from '../sessions/sign-in.ts';
import { isKnownClient, isLoopbackRedirect } from './clients.ts';
import { createCode, redeemCode, rememberSession, type CodeBinding, type Redemption } from './code-grant.ts';
import {
  decideDevice,
  findDevice,
  pollDevice,
  startDevice,
  type DeviceRequest,
  type DeviceStart,
} from './device-grant.ts';
import { GrantError } from './grant-error.ts';

/** Signing our own command line in through a browser. Programs get GrantErrors, pages get AppErrors. */
export interface BrowserSignIn {
  /** Whether codes for this client may be sent to this address. */
  mayRedirect(clientId: string, redirectUri: string): boolean;
  isClient(clientId: string): boolean;
  /** Answers the code for the program of somebody who has just proven who they are. */
  authorize(request: CodeBinding & Proven & { address: string }): Promise<string>;
  redeem(presented: Redemption & { device: Device }): Promise<TokenSet>;
  startDevice(asker: { clientId: string; deviceName: string | null; address: string }): Promise<DeviceStart>;
  /** Throws AppError `not_found` for codes behind which nothing waits, `rate_limited` after too many. */
  findDevice(typed: { userCode: string; address: string }): Promise<DeviceRequest>;
  /** For somebody who has just proven who they are. Throws AppError `not_found` when nothing waits (any more). */
  approveDevice(approval: { userCode: string; person: Proven }): Promise<void>;
  denyDevice(denial: { userCode: string; address: string }): Promise<void>;
  pollDevice(presented: { deviceCode: string; clientId: string; device: Device }): Promise<TokenSet>;
}

export function browserSignIn(deps: SignInDeps): BrowserSignIn {
  const find = async (typed: { userCode: string; address: string }): Promise<DeviceRequest> => {
    // A code that is not found has been counted, so the answer is thrown after the commit.
    const found = await deps.db.asIdentity((tx) => findDevice(tx, typed, deps.clock.now()));
    if (!found) throw nothingWaits();
    return found;
  };
  return {
    mayRedirect: (clientId, redirectUri) => isKnownClient(clientId) && isLoopbackRedirect(redirectUri),
    isClient: isKnownClient,
    findDevice: find,
    authorize: (approved) => deps.db.asIdentity((tx) => createCode(tx, approved, deps.clock.now())),
    async redeem({ device, ...presented }) {
      const proven = await deps.db.asIdentity((tx) => redeemCode(tx, presented, deps.clock.now()));
      if (proven === null) throw new GrantError('invalid_grant');
      const tokens = await startProven(deps, { ...proven, device });
      await deps.db.asIdentity((tx) => rememberSession(tx, presented.code, tokens.user.sessionId));
      return tokens;
    },
    async startDevice(asker) {
      if (!isKnownClient(asker.clientId)) throw new GrantError('invalid_client');
      return deps.db.asIdentity((tx) => startDevice(tx, asker, deps.clock.now()));
    },
    async approveDevice(approval) {
      const decided = await deps.db.asIdentity((tx) => decideDevice(tx, approval, deps.clock.now()));
      if (!decided) throw nothingWaits();
    },
    async denyDevice(denial) {
      await find(denial);
      await deps.db.asIdentity((tx) =>
        decideDevice(tx, { userCode: denial.userCode, person: null }, deps.clock.now()),
      );
    },
    async pollDevice({ device, ...presented }) {
      const outcome = await deps.db.asIdentity((tx) => pollDevice(tx, presented, deps.clock.now()));
      if (outcome.kind === 'refused') throw outcome.error;
      const userAgent =
        outcome.deviceName === null ? device.userAgent : `${presented.clientId} on ${outcome.deviceName}`;
      const { userId, secondFactor, proof } = outcome;
      return startProven(deps, { userId, secondFactor, proof, device: { ...device, userAgent } });
    },
  };
}

/** Removes codes that nobody can use any more; spent ones are kept a day, to notice replays. */
export async function pruneSignInCodes(deps: Pick<SignInDeps, 'db' | 'clock'>): Promise<void> {
  const before = new Date(deps.clock.now() - 86_400_000);
  await deps.db.asIdentity((tx) =>
    sql`DELETE FROM hexabase.sign_in_codes WHERE expires_at < ${before}`.execute(tx),
  );
}

/** An account that was disabled or changed otherwise between the approval and now gets nothing. */
async function startProven(deps: SignInDeps, person: Parameters<typeof startSession>[1]): Promise<TokenSet> {
  try {
    return await startSession(deps, person);
  } catch (error) {
    const isRefused = isAppError(error, 'invalid_credentials') || isAppError(error, 'second_factor_required');
    if (isRefused) throw new GrantError('invalid_grant');
    throw error;
  }
}

function nothingWaits(): AppError {
  return new AppError('not_found', {
    message: 'Nothing waits for that code. It may be mistyped, used or older than ten minutes.',
  });
}
