import { AppError } from '@hexabase/kernel/errors.ts';
import type { FastifyRequest } from 'fastify';

const bearerHeader = /^Bearer +([\w.~+/=-]+) *$/i;

/** The bearer token of a request (RFC 6750 §2.1). Throws AppError `unauthenticated`. */
export function requestToken(request: FastifyRequest): string {
  const token = bearerHeader.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined) throw new AppError('unauthenticated');
  return token;
}
