import type { secondFactor } from '@hexabase/contract/people/second-factor.ts';
import type { UseCase } from '../run/use-case.ts';
import { requirePerson } from './person.ts';

/** Throws `fresh_sign_in_required`, `second_factor_required`, `not_found`, and `conflict` for one that must stay. */
export const removeSecondFactor: UseCase<typeof secondFactor.operations.remove> = async (
  context,
  { params },
) => {
  requirePerson(context);
  const { ports, actor, elsewhere } = context;
  const { name } = await elsewhere('remove', () => ports.secondFactors.remove(actor, params.factor));
  context.note({ name });
  return { data: null };
};
