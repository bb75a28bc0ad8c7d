import { AppError } from '@hexabase/kernel/errors.ts';
import type { Context } from '../run/use-case.ts';

/** Throws `forbidden` for API tokens: a leaked one must not say how its owner signs in. */
export function requirePerson({ actor }: Context): void {
  if (actor.token) {
    throw new AppError('forbidden', { message: 'Second factors are for people, not for API tokens.' });
  }
}
