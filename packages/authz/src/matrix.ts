import { allOperations } from '@hexabase/contract/all-operations.ts';
import type { Operation } from '@hexabase/contract/operation.ts';
import type { OrganizationRole } from '@hexabase/kernel/actor.ts';
import { platformActions, roleActions } from './roles.ts';

/** `foreign` is signed in and owns another organization; `operator` has the platform role and is in no organization. */
export const callers = [
  'anonymous',
  'foreign',
  'billing',
  'viewer',
  'developer',
  'admin',
  'owner',
  'operator',
] as const;
export type Caller = (typeof callers)[number];

/** What a caller meets: `ok`, or the refusing status. */
export type Verdict = 'ok' | 401 | 403 | 404;

export interface MatrixRow {
  operation: Operation;
  verdicts: Readonly<Record<Caller, Verdict>>;
}

/** Role × operation for every operation of the contract; tests execute each cell against the running API. */
export function matrix(): MatrixRow[] {
  return allOperations().map(({ operation }) => ({
    operation,
    verdicts: {
      anonymous: operation.access.kind === 'public' ? 'ok' : 401,
      foreign: verdictForForeign(operation),
      billing: verdict(operation, 'billing'),
      viewer: verdict(operation, 'viewer'),
      developer: verdict(operation, 'developer'),
      admin: verdict(operation, 'admin'),
      owner: verdict(operation, 'owner'),
      operator: verdictForOperator(operation),
    },
  }));
}

/** The matrix as aligned text, for `docs/generated/authz.txt`. */
export function matrixText(): string {
  const rows = matrix().map((row) => [
    row.operation.id,
    ...callers.map((caller) => String(row.verdicts[caller])),
  ]);
  const table = [['OPERATION', ...callers.map((caller) => caller.toUpperCase())], ...rows];
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((row) => (row[column] ?? '').length)),
  );
  return `${table
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')}\n`;
}

function verdictForForeign({ access }: Operation): Verdict {
  if (access.kind === 'platform') return 403;
  return access.kind === 'action' ? 404 : 'ok';
}

function verdictForOperator({ access }: Operation): Verdict {
  if (access.kind === 'platform') return platformActions.includes(access.action) ? 'ok' : 403;
  return access.kind === 'action' ? 404 : 'ok';
}

function verdict(operation: Operation, role: OrganizationRole): Verdict {
  if (operation.access.kind === 'platform') return 403;
  if (operation.access.kind !== 'action') return 'ok';
  return roleActions[role].includes(operation.access.action) ? 'ok' : 403;
}
