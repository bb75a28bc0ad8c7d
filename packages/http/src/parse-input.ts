import { pathParameters } from '@hexabase/contract/all-operations.ts';
import type { Operation } from '@hexabase/contract/operation.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import * as z from 'zod';

export interface ParsedInput {
  params: Record<string, string>;
  query: unknown;
  body: unknown;
}

export interface RawInput {
  params: unknown;
  query: unknown;
  body: unknown;
}

const nothing = z.strictObject({});
/** Ids, names and e-mail addresses, these in any script. */
const parameter = z.string().regex(/^[\p{L}\p{N}][\p{L}\p{M}\p{N}._@+-]{0,253}$/u);

/**
 * The one place where input is parsed; types are trusted after. Throws `not_found` for path parameters that nothing can
 * be named, `unknown_field` when the only fault is fields that do not exist, else `validation_failed`.
 */
export function inputParser(operation: Operation): (raw: RawInput) => ParsedInput {
  const names = pathParameters(operation.path);
  const params = z.object(Object.fromEntries(names.map((name) => [name, parameter])));
  const query = operation.query?.strict() ?? nothing;
  const body = operation.body ?? nothing;
  return (raw) => {
    const parsedParams = params.safeParse(raw.params);
    if (!parsedParams.success) throw new AppError('not_found');
    return {
      params: parsedParams.data,
      query: parse(query, raw.query),
      body: parse(body, raw.body === undefined ? {} : raw.body),
    };
  };
}

function parse(schema: z.ZodType, value: unknown): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return refuseUnstorable(parsed.data);
  const { issues } = parsed.error;
  const unknownOnly = issues.every((issue) => issue.code === 'unrecognized_keys');
  throw new AppError(unknownOnly ? 'unknown_field' : 'validation_failed', {
    details: { fields: issues.flatMap(fieldsOf) },
  });
}

/** PostgreSQL keeps no NUL, and a half of a surrogate pair would come back as another character (RFC 8259 §8.2). */
function refuseUnstorable(input: unknown): unknown {
  const fields = unstorable(input, []).map((path) => ({
    path: path.join('.'),
    message: 'leave out NUL and broken characters',
  }));
  if (fields.length > 0) throw new AppError('validation_failed', { details: { fields } });
  return input;
}

function unstorable(value: unknown, path: string[]): string[][] {
  if (typeof value === 'string') return value.includes('\0') || !value.isWellFormed() ? [path] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => unstorable(inner, [...path, key]));
}

/** Paths as written in JSON; the sentence never repeats the value. */
function fieldsOf(issue: z.core.$ZodIssue): { path: string; message: string }[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [...path, key.slice(0, 80)].join('.'),
      message: 'there is no such field',
    }));
  }
  return [{ path: path.join('.'), message: issue.message }];
}

const keyPattern = /^[\x21-\x7e]{1,255}$/;

/** The Idempotency-Key of a POST, or null. Throws `validation_failed` for one that is too long or not printable. */
export function idempotencyKeyOf(header: string | string[] | undefined): string | null {
  if (header === undefined) return null;
  if (typeof header === 'string' && keyPattern.test(header)) return header;
  const fields = [
    { path: 'Idempotency-Key', message: 'use 1 to 255 printable ASCII characters without spaces' },
  ];
  throw new AppError('validation_failed', { details: { fields } });
}
