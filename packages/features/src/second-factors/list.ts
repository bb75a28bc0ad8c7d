import type { secondFactor } from '@hexabase/contract/people/second-factor.ts';
import type { UseCase } from '../run/use-case.ts';
import { requirePerson } from './person.ts';

export const listSecondFactors: UseCase<typeof secondFactor.operations.list> = async (context) => {
  requirePerson(context);
  const { ports, actor, elsewhere } = context;
  const factors = await elsewhere('list', () => ports.secondFactors.list(actor.userId));
  const data = factors.map((factor) => ({
    ...factor,
    createdAt: factor.createdAt.toISOString(),
    lastUsedAt: factor.lastUsedAt?.toISOString() ?? null,
  }));
  return { data };
};
