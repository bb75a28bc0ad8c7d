import { AppError } from '@hexabase/kernel/errors.ts';
import type { UserId } from '@hexabase/kernel/id.ts';
import { changeInTurn } from '../sessions/account-turns.ts';
import type { Proven } from '../sessions/proof.ts';
import { findUserByEmail } from '../users.ts';
import { requireFreshSession, type Owner } from './freshness.ts';
import {
  addPasskey,
  addTotp,
  confirmOwnTotp,
  listOwnFactors,
  removeFactor,
  renewRecoveryCodes,
  type ListedFactor,
} from './manage.ts';
import { finishRegistration, openRegistration, type RegistrationPage } from './register-passkey.ts';
import { resetFactors } from './reset.ts';
import {
  beginPage,
  finishPage,
  repeatPage,
  type FactorDeps,
  type SecondStep,
  type StepOutcome,
  type StepPage,
} from './second-step.ts';

/** Second factors of people: asked at each sign-in, changed by themselves shortly after one. All throw AppErrors. */
export interface SecondFactors {
  /** Null when nothing else is asked of this person. */
  beginPage(asked: { person: Proven; page: StepPage }): Promise<SecondStep | null>;
  repeatPage(asked: { ticket: string; page: StepPage }): Promise<SecondStep | null>;
  finishPage(given: { ticket: string; page: StepPage; code: string; passkey: string }): Promise<StepOutcome>;
  openRegistration(page: RegistrationPage): Promise<{ email: string; name: string; options: string }>;
  finishRegistration(
    given: RegistrationPage & { passkey: string },
  ): Promise<{ recoveryCodes: string[] } | null>;
  list(userId: UserId): Promise<ListedFactor[]>;
  addTotp(owner: Owner, name: string): Promise<{ id: string; secret: string; uri: string }>;
  confirmTotp(owner: Owner, given: { id: string; code: string }): Promise<{ recoveryCodes: string[] }>;
  addPasskey(owner: Owner, name: string): Promise<{ ticket: string; expiresAt: Date }>;
  renewCodes(owner: Owner): Promise<{ recoveryCodes: string[] }>;
  remove(owner: Owner, id: string): Promise<{ name: string }>;
  /** By an operator of the platform, shortly after a sign-in. Throws AppError `not_found`. */
  reset(operator: Owner, email: string): Promise<{ userId: UserId }>;
}

export function secondFactors(deps: FactorDeps): SecondFactors {
  return {
    beginPage: (asked) => beginPage(deps, asked),
    repeatPage: (asked) => repeatPage(deps, asked),
    finishPage: (given) => finishPage(deps, given),
    openRegistration: (page) => openRegistration(deps, page),
    finishRegistration: (given) => finishRegistration(deps, given),
    list: (userId) => listOwnFactors(deps, userId),
    addTotp: (owner, name) => changeInTurn(owner.userId, () => addTotp(deps, owner, name)),
    confirmTotp: (owner, given) => changeInTurn(owner.userId, () => confirmOwnTotp(deps, owner, given)),
    addPasskey: (owner, name) => changeInTurn(owner.userId, () => addPasskey(deps, owner, name)),
    renewCodes: (owner) => changeInTurn(owner.userId, () => renewRecoveryCodes(deps, owner)),
    remove: (owner, id) => changeInTurn(owner.userId, () => removeFactor(deps, owner, id)),
    reset: (operator, email) =>
      deps.db.asIdentity(async (tx) => {
        await requireFreshSession(tx, operator, deps.clock.now());
        const user = await findUserByEmail(tx, email);
        if (!user) throw new AppError('not_found', { message: 'There is no such account.' });
        await resetFactors(tx, user, { vault: deps.vault, nowMs: deps.clock.now() });
        return { userId: user.id };
      }),
  };
}
