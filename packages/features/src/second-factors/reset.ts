import type { secondFactor } from '@hexabase/contract/people/second-factor.ts';
import type { UseCase } from '../run/use-case.ts';

/** For operators of the platform; the person is told by letter. Throws `not_found`. */
export const resetSecondFactors: UseCase<typeof secondFactor.operations.reset> = async (
  { ports, note },
  { body },
) => {
  const { userId } = await ports.secondFactors.reset(body.email);
  note({ userId });
  return { data: null };
};
