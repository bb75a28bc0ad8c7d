import { WrongKeyError } from '@hexabase/kernel/key-vault.ts';
import { DatabaseUrlError } from '@hexabase/postgres/connection.ts';
import { ZodError, prettifyError } from 'zod';
import { StartError } from './data-folder.ts';

/** What to tell the person who started a program and can mend it: a setting, a key, an address. Null for everything else. */
export function mendable(error: unknown): string | null {
  if (error instanceof StartError || error instanceof WrongKeyError || error instanceof DatabaseUrlError)
    return error.message;
  return error instanceof ZodError ? `A setting is not valid:\n${prettifyError(error)}` : null;
}
