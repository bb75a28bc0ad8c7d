import { AppError } from '@hexabase/kernel/errors.ts';

const bearerHeader = /^Bearer +([\w.~+/=-]+) *$/i;

/** The token of an `Authorization: Bearer` header (RFC 6750 §2.1). Throws AppError `unauthenticated`. */
export function bearerToken(authorization: string | undefined): string {
  const match = authorization === undefined ? null : bearerHeader.exec(authorization);
  const token = match?.[1];
  if (token === undefined) throw new AppError('unauthenticated');
  return token;
}
