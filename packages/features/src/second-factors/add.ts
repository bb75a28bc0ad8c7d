import type { secondFactor } from '@hexabase/contract/people/second-factor.ts';
import type { UseCase } from '../run/use-case.ts';
import { requirePerson } from './person.ts';

type Operations = typeof secondFactor.operations;

/** Throws `fresh_sign_in_required`, `second_factor_required`, and `conflict` when there are too many. */
export const addTotp: UseCase<Operations['addTotp']> = async (context, { body }) => {
  requirePerson(context);
  context.note({ name: body.name });
  const { ports, actor, elsewhere } = context;
  return { data: await elsewhere('add', () => ports.secondFactors.addTotp(actor, body.name)) };
};

/** Throws `not_found` when nothing waits for a code (any more), `validation_failed` for a code that does not fit. */
export const confirmTotp: UseCase<Operations['confirm']> = async (context, { params, body }) => {
  requirePerson(context);
  const given = { id: params.factor, code: body.code };
  const { ports, actor, elsewhere } = context;
  return { data: shown(await elsewhere('confirm', () => ports.secondFactors.confirmTotp(actor, given))) };
};

/** A passkey is made by a browser, at our own address: the answer says which page does it. Throws as `addTotp` does. */
export const addPasskey: UseCase<Operations['addPasskey']> = async (context, { body }) => {
  requirePerson(context);
  const { ports, actor, elsewhere } = context;
  context.note({ name: body.name });
  const { ticket, expiresAt } = await elsewhere('add', () =>
    ports.secondFactors.addPasskey(actor, body.name),
  );
  return {
    data: { url: `${ports.mail.site}/auth/passkey?code=${ticket}`, expiresAt: expiresAt.toISOString() },
  };
};

/** Throws `fresh_sign_in_required`, `second_factor_required`, and `conflict` without a second factor. */
export const renewRecoveryCodes: UseCase<Operations['renewCodes']> = async (context) => {
  requirePerson(context);
  const { ports, actor, elsewhere } = context;
  return { data: shown(await elsewhere('renew', () => ports.secondFactors.renewCodes(actor))) };
};

function shown({ recoveryCodes }: { recoveryCodes: readonly string[] }): { code: string }[] {
  return recoveryCodes.map((code) => ({ code }));
}
