import type { secondFactor } from '@hexabase/contract/people/second-factor.ts';
import type { UseCase } from '../run/use-case.ts';

/** For operators of the platform; the person is told by letter. Throws `fresh_sign_in_required`, `second_factor_required`, `not_found`. */
export const resetSecondFactors: UseCase<typeof secondFactor.operations.reset> = async (
  { ports, actor, note, elsewhere },
  { body },
) => {
  const { userId } = await elsewhere('reset', () => ports.secondFactors.reset(actor, body.email));
  note({ userId });
  return { data: null };
};
