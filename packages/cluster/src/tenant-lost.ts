import { TenantConflictError } from './port.ts';

/**
 * Throws `TenantConflictError` with the reason `TenantLost` when the tenant that is known to have been made is not there:
 * one that is made in its place would be empty and look well. `where` names what was looked for, in words.
 */
export function refuseLost(known: string | null | undefined, found: string | null, where: string): void {
  if (known === null || known === undefined || known === found) return;
  const what = found === null ? 'is not there any more' : 'is not the one that was made';
  throw new TenantConflictError(
    `${where} ${what}: what this workspace held there is lost. Nothing is made in its place until somebody asks for that.`,
    { reason: 'TenantLost' },
  );
}
